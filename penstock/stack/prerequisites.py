"""Prerequisites, there before anything starts: Java 17, room on the disk, and what `make setup` installs."""

from __future__ import annotations

import subprocess

from penstock.clone import ROOT
from penstock.errors import TerminalError
from penstock.layout import SERVERS
from penstock.sections.kafka import KafkaMode

_CHECK = ROOT / "servers" / "prerequisites.sh"
_INSTALLED = ("kafka", "registry", "spark", "cassandra", "postgres/bin", "airflow-venv/bin", "plugins/cassandra-sink")
_INSTALLED_FOR = {KafkaMode.KRAFT: (), KafkaMode.ZOOKEEPER: ("kafka-3.9",)}
"""What a mode of Kafka takes besides; `make setup` leaves it out, as few need it."""


class PrerequisitesMissing(TerminalError):
    """The machine lacks something that the servers need."""

    def __init__(self, said: str) -> None:
        super().__init__(f"nothing was started:\n{said.rstrip()}")


class NotInstalled(TerminalError):
    """Some servers were never installed into the clone."""

    def __init__(self, missing: list[str], *, cure: str) -> None:
        super().__init__(f"nothing was started: {', '.join(missing)} not installed. What to do: {cure}")


def refuse_missing(mode: KafkaMode) -> None:
    """Raise PrerequisitesMissing or NotInstalled, naming all that is missing for this mode of Kafka."""
    for names, cure in ((_INSTALLED, "make setup"), (_INSTALLED_FOR[mode], f"make setup-{mode}")):
        if missing := [name for name in names if not (SERVERS / name).exists()]:
            raise NotInstalled(missing, cure=cure)
    checked = subprocess.run([str(_CHECK)], check=False, capture_output=True, text=True)
    if checked.returncode != 0:
        raise PrerequisitesMissing(checked.stderr)
