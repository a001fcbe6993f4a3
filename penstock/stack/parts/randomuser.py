"""The stand-in of the randomuser.me API, so that the pipeline runs without the internet."""

from __future__ import annotations

import sys

from penstock.config import Config
from penstock.http_client import answers
from penstock.layout import Layout
from penstock.stack.part import Part


def randomuser(config: Config, _layout: Layout) -> Part:
    """Return the part."""
    host, port = config.api.host, config.api.port
    return Part(
        name="api",
        command=(sys.executable, "-m", "penstock.randomuser", "--host", host, "--port", str(port)),
        is_ready=lambda: answers(f"http://{host}:{port}/api/?results=1&seed=ready"),
        starts_after=("views",),
        nice=10,
        ports={"api.port": port},
    )
