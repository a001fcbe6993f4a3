"""What must be there before anything starts: Java 17, room on the disk, and what `make setup` installs."""

from __future__ import annotations

import subprocess

from penstock.config import ROOT
from penstock.errors import TerminalError
from penstock.stack.layout import SERVERS

_CHECK = ROOT / "servers" / "prerequisites.sh"
_INSTALLED = ("kafka", "registry", "spark", "cassandra", "postgres/bin", "airflow-venv/bin", "plugins/cassandra-sink")


class PrerequisitesMissing(TerminalError):
    """The machine lacks something that the servers need."""

    def __init__(self, said: str) -> None:
        super().__init__(f"nothing was started:\n{said.rstrip()}")


class NotInstalled(TerminalError):
    """Some servers were never installed into the clone."""

    def __init__(self, missing: list[str]) -> None:
        super().__init__(f"nothing was started: {', '.join(missing)} not installed. What to do: make setup")


def refuse_missing() -> None:
    """Raise PrerequisitesMissing or NotInstalled, naming all that is missing."""
    missing = [name for name in _INSTALLED if not (SERVERS / name).exists()]
    if missing:
        raise NotInstalled(missing)
    checked = subprocess.run([str(_CHECK)], check=False, capture_output=True, text=True)
    if checked.returncode != 0:
        raise PrerequisitesMissing(checked.stderr)
