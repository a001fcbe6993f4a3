"""The control center. It needs nothing: it comes up first and shows how the rest comes up."""

from __future__ import annotations

import sys
from pathlib import Path

from penstock.config import Config, to_json
from penstock.http_client import answers
from penstock.layout import Layout
from penstock.stack.build import OURS
from penstock.stack.part import Part
from penstock.whole_file import write_whole


def console(config: Config, layout: Layout) -> Part:
    """Return the part; it is given the whole configuration as a file, since it looks at every part."""
    file = layout.conf("console") / "config.json"
    return Part(
        name="console",
        command=(sys.executable, "-m", "penstock.console", "--config", str(file)),
        is_ready=lambda: answers(config.console.at("/api/v1/about")),
        starts_after=("views",),
        nice=10,
        prepare=lambda: _write(file, config),
        # Thirty threads with an arena each keep what none of them uses.
        environment=lambda: {"MALLOC_ARENA_MAX": "2"},
        host=config.console.host,
        ports={"console.port": config.console.port},
        stop_wait_s=5,
        runs=OURS,
    )


def _write(file: Path, config: Config) -> None:
    # The proxy's address may hold a password.
    write_whole(file, to_json(config), mode=0o600)
