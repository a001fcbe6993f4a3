"""The sessions of the source and those of the engine have the same settings."""

from __future__ import annotations

import re

from penstock.clone import ROOT
from penstock.pinned import PINNED

SOURCE = ROOT / "connect/postgres-source/src/main/java/dev/penstock/postgres/SourceConnections.java"


def test_the_source_pins_what_the_engine_pins() -> None:
    parts = re.search(r"PINNED =([^;]*);", SOURCE.read_text())
    assert parts is not None
    assert "".join(re.findall(r'"([^"]*)"', parts[1])) == PINNED
