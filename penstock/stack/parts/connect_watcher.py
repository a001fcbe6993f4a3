"""The connect-watcher: restarts connectors and tasks that failed. It listens on no port; its file shows its life."""

from __future__ import annotations

import sys

from penstock.config import Config
from penstock.connect.watch_file import read_watch
from penstock.stack.layout import Layout
from penstock.stack.part import Part


def connect_watcher(config: Config, layout: Layout) -> Part:
    """Return the part."""
    file = layout.watch_file
    arguments = ("--url", config.connect.url, "--file", str(file))
    return Part(
        name="connect-watcher",
        command=(sys.executable, "-m", "penstock.connect.watch", *arguments),
        is_ready=lambda: (watch := read_watch(file)) is not None and watch.is_alive,
        needs=("connect",),
    )
