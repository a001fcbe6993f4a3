"""The clone's own files - views, schemas, connectors - as a project of a test, which it may change."""

from __future__ import annotations

import shutil
from pathlib import Path

from penstock.clone import ROOT

_FOLDERS = ("spark/views", "schemas", "connect/connectors")


def copy_project(folder: Path) -> Path:
    """Put a copy of the clone's files into a folder, in the place of one that is there; return the folder."""
    for name in _FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(ROOT / name, folder / name)
    return folder
