"""The connect-watcher: restarts connectors and tasks that failed. No port; its file shows that it runs."""

from __future__ import annotations

import sys

from penstock.config import Config
from penstock.connect.watch_file import read_watch
from penstock.layout import Layout
from penstock.project.folders import Project
from penstock.stack.build import OURS
from penstock.stack.part import Part


def connect_watcher(config: Config, layout: Layout) -> Part:
    """Return the part."""
    file = layout.watch_file
    address = config.connect.url
    more = {
        # Others may have theirs in a Connect of others: what fails there is not ours to restart.
        "--ours": None if config.connect.managed else Project.of(config).connectors,
        "--user": address.let_in.user,
        "--password-file": address.let_in.password_file,
        "--ca-file": address.let_in.ca_file,
    }
    given = (str(word) for name, value in more.items() if value for word in (name, value))
    others = (word for other in address.others for word in ("--other-url", other))
    arguments = ("--url", address, *others, "--file", str(file), *given)
    return Part(
        name="connect-watcher",
        command=(sys.executable, "-m", "penstock.connect.watch", *arguments),
        is_ready=lambda: (watch := read_watch(file)) is not None and watch.is_alive,
        needs=("connect",),
        runs=OURS,
    )
