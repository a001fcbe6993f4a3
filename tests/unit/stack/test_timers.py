"""A process can let its timers be late, and what it becomes keeps that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SLACK = Path("/proc/self/timerslack_ns")

pytestmark = pytest.mark.skipif(not SLACK.exists(), reason="the setting is Linux's own, proc(5)")


def slack_of_what_it_becomes(by_ms: float) -> str:
    become = f"import os; from penstock.stack.timers import let_timers_be_late; let_timers_be_late({by_ms}); "
    command = [sys.executable, "-c", become + f"os.execvp('cat', ['cat', '{SLACK}'])"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_what_a_process_becomes_has_its_timers() -> None:
    assert slack_of_what_it_becomes(1.5).strip() == "1500000"


def test_without_a_word_they_stay_as_they_are() -> None:
    assert slack_of_what_it_becomes(0) == SLACK.read_text()
