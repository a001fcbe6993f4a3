"""A part is a session of its own, with its place among the others, however it was started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

AUTOGROUP = Path("/proc/self/autogroup")
PROGRAM = """
import json, os
from pathlib import Path
from penstock.stack.processor_share import share_as_one

share_as_one({nice})
autogroup = Path("/proc/self/autogroup")
print(json.dumps([os.getpid(), os.getsid(0), os.getpgid(0), os.nice(0), autogroup.exists() and autogroup.read_text()]))
"""
FORBIDDEN = """
import os

def refuse():
    raise PermissionError

os.setsid = refuse
"""
by_session = pytest.mark.skipif(not AUTOGROUP.exists(), reason="a kernel that does not divide by session")


def printed(
    program: str, *, process_group: int | None = 0, start_new_session: bool = False
) -> tuple[int, int, int, int, str]:
    """Run the program as supervisord does, at the head of a process group, or in another way."""
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        process_group=process_group,
        start_new_session=start_new_session,
    )
    pid, session, group, nice, autogroup = json.loads(result.stdout)
    return pid, session, group, nice, str(autogroup)


@pytest.mark.parametrize(
    ("process_group", "start_new_session"),
    [(0, False), (None, True), (None, False)],
    ids=["leads a group", "leads a session", "neither"],
)
def test_it_leads_a_session(process_group: int | None, start_new_session: bool) -> None:
    program = PROGRAM.format(nice=0)
    pid, session, group, nice, _ = printed(program, process_group=process_group, start_new_session=start_new_session)
    assert (session, group, nice) == (pid, pid, os.nice(0))


@by_session
def test_among_sessions_it_steps_back() -> None:
    *_, nice, autogroup = printed(PROGRAM.format(nice=7))
    assert nice == os.nice(0) + 7
    assert autogroup.split()[-1] == "7"


@by_session
def test_without_a_session_of_its_own_it_does_not_push_others_back() -> None:
    before = AUTOGROUP.read_text()
    pid, session, _, nice, autogroup = printed(FORBIDDEN + PROGRAM.format(nice=7))
    assert session != pid
    assert nice == os.nice(0) + 7
    assert autogroup == before


@by_session
def test_many_at_once_all_step_back() -> None:
    """Linux lets an ordinary user change one autogroup in a tenth of a second (sched(7))."""
    command = [sys.executable, "-c", PROGRAM.format(nice=7)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, process_group=0) for _ in range(4)]
    shares = [json.loads(process.communicate()[0]) for process in started]
    assert [autogroup.split()[-1] for *_, autogroup in shares] == ["7"] * 4
