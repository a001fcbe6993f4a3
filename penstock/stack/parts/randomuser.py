"""The stand-in of the randomuser.me API, so that the pipeline runs without the internet."""

from __future__ import annotations

import sys

from penstock.clone import ROOT
from penstock.config import Config
from penstock.http_client import answers
from penstock.layout import Layout
from penstock.stack.build import OURS
from penstock.stack.part import Part


def randomuser(config: Config, _layout: Layout) -> Part:
    """Return the part."""
    section = config.api
    files = ("password_file", "certificate_file", "key_file")
    given = {"host": section.host, "port": section.port, "user": section.user}
    given |= {name: ROOT / file for name in files if (file := getattr(section, name))}
    options = [f"--{name.replace('_', '-')}={value}" for name, value in given.items() if value is not None]
    return Part(
        name="api",
        command=(sys.executable, "-m", "penstock.randomuser", *options),
        is_ready=lambda: answers(section.at("/api/?results=1&seed=ready")),
        starts_after=("views",),
        nice=10,
        host=section.host,
        ports={"api.port": section.port},
        runs=OURS,
    )
