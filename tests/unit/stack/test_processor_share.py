"""A part is a session of its own, with its place among the others, however it was started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

AUTOGROUP = Path("/proc/self/autogroup")
TOLD = """
import json, os
from pathlib import Path
from penstock.stack.processor_share import share_as_one

share_as_one({nice})
autogroup = Path("/proc/self/autogroup")
print(json.dumps([os.getpid(), os.getsid(0), os.getpgid(0), os.nice(0), autogroup.exists() and autogroup.read_text()]))
"""


def told(nice: int, **how: object) -> list[object]:
    command = [sys.executable, "-c", TOLD.format(nice=nice)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, **how)  # type: ignore[call-overload]
    return list(json.loads(result.stdout))


@pytest.mark.parametrize(
    "how", [{"process_group": 0}, {"start_new_session": True}, {}], ids=["leads a group", "leads a session", "neither"]
)
def test_it_leads_a_session(how: dict[str, object]) -> None:
    pid, session, group, nice, _ = told(0, **how)
    assert (session, group, nice) == (pid, pid, os.nice(0))


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="a kernel that does not divide by session")
def test_among_sessions_it_steps_back() -> None:
    *_, nice, autogroup = told(7, process_group=0)
    assert nice == os.nice(0) + 7
    assert str(autogroup).split()[-1] == "7"


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="a kernel that does not divide by session")
def test_many_at_once_all_step_back() -> None:
    """Linux lets an ordinary user change one autogroup in a tenth of a second (sched(7))."""
    command = [sys.executable, "-c", TOLD.format(nice=7)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, process_group=0) for _ in range(4)]
    told_of = [json.loads(process.communicate()[0]) for process in started]
    assert [autogroup.split()[-1] for *_, autogroup in told_of] == ["7"] * 4
