"""A process can let its timers be late, and what it becomes keeps that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SLACK = Path("/proc/self/timerslack_ns")

pytestmark = pytest.mark.skipif(not SLACK.exists(), reason="a setting of Linux")


@pytest.mark.parametrize(
    ("by_ms", "slack"), [(1.5, "1500000"), (0, SLACK.read_text().strip() if SLACK.exists() else "")]
)
def test_what_a_process_becomes_has_its_timers(by_ms: float, slack: str) -> None:
    become = f"import os; from penstock.stack.timers import let_timers_be_late; let_timers_be_late({by_ms}); "
    command = [sys.executable, "-c", become + f"os.execvp('cat', ['cat', '{SLACK}'])"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == slack
