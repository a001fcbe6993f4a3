"""A real supervisord with parts that only sleep."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.layout import Layout
from penstock.stack.part import Part
from penstock.stack.processes import command_of, marked
from penstock.stack.stop import stop_all
from penstock.stack.supervisor import StackOfOther, Supervisor, SupervisorEnding
from penstock.wait import wait_until
from tests.patience import PATIENCE_S
from tests.stack import run_here


def sleeper(name: str) -> Part:
    return Part(name=name, command=("sleep", "600"), is_ready=lambda: True)


@pytest.fixture
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return Layout(tmp_path_factory.mktemp("s"))  # a short path: a socket's name has 108 bytes


@pytest.fixture
def supervisor(layout: Layout) -> Iterator[Supervisor]:
    supervisor = Supervisor(layout)
    yield supervisor
    if supervisor.is_running():
        supervisor.shutdown()


def alive(state: Path, part: str) -> bool:
    return bool(marked(state, part=part))


def test_a_running_supervisor_takes_up_new_parts_and_ends_those_no_longer_wanted(
    layout: Layout, supervisor: Supervisor
) -> None:
    supervisor.start([sleeper("stays"), sleeper("goes")])
    for name in ("stays", "goes"):
        supervisor.start_process(name)
    wait_until(
        lambda: alive(layout.state, "stays") and alive(layout.state, "goes"), timeout_s=PATIENCE_S, what="both run"
    )
    before = supervisor.state("stays").pid
    supervisor.start([sleeper("stays"), sleeper("comes")])
    assert set(supervisor.states()) == {"stays", "comes"}
    assert not alive(layout.state, "goes")
    assert supervisor.state("stays").pid == before


def test_a_start_waits_for_the_end_of_a_supervisor_that_is_shut_down(layout: Layout, supervisor: Supervisor) -> None:
    lingering = Part(
        name="lingers",
        command=("sh", "-c", "trap 'sleep 1; exit' TERM; while :; do sleep 0.1; done"),
        is_ready=lambda: True,
    )
    supervisor.start([lingering])
    supervisor.start_process("lingers")
    wait_until(lambda: alive(layout.state, "lingers"), timeout_s=PATIENCE_S, what="it runs")
    supervisor._call("shutdown")
    with pytest.raises(SupervisorEnding, match="is about to end"):
        supervisor.state("lingers")
    supervisor.start([sleeper("next")])
    supervisor.start_process("next")
    assert set(supervisor.states()) == {"next"}


def test_a_stop_leaves_out_a_part_that_the_running_supervisor_does_not_know(supervisor: Supervisor) -> None:
    supervisor.start([sleeper("old")])
    supervisor.start_process("old")
    stopped: list[str] = []
    stop_all([sleeper("old"), sleeper("new")], steps={}, supervisor=supervisor, on_stopped=stopped.append)
    assert stopped == ["old"]


def test_only_a_process_with_another_command_is_renewed(layout: Layout, supervisor: Supervisor) -> None:
    supervisor.start([sleeper("job")])
    supervisor.start_process("job")
    wait_until(
        lambda: command_of(supervisor.state("job").pid) == ["sleep", "600"], timeout_s=PATIENCE_S, what="it sleeps"
    )
    before = supervisor.state("job").pid
    assert not supervisor.renew(sleeper("job"))
    assert supervisor.state("job").pid == before
    assert supervisor.renew(Part(name="job", command=("sleep", "601"), is_ready=lambda: True))
    wait_until(
        lambda: command_of(supervisor.state("job").pid) == ["sleep", "601"], timeout_s=PATIENCE_S, what="it sleeps on"
    )
    supervisor.stop_and_wait("job")
    assert not alive(layout.state, "job")


def test_a_process_that_dies_again_and_again_may_be_started_and_stopped_at_any_moment(supervisor: Supervisor) -> None:
    supervisor.start([Part(name="dies", command=("false",), is_ready=lambda: True)])
    supervisor.start_process("dies")
    wait_until(lambda: supervisor.state("dies").state == "BACKOFF", timeout_s=PATIENCE_S, what="it is started again")
    supervisor.start_process("dies")
    for _ in range(2):
        supervisor.stop_and_wait("dies")


def test_the_supervisor_of_another_user_is_not_taken_for_none(
    layout: Layout, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor.start([])

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as of_another_user:
        of_another_user.setattr(socket.socket, "connect", refuse)
        for ask in (supervisor.is_running, supervisor.states):
            with pytest.raises(StackOfOther, match=f"another user .{getpass.getuser()}.*\\n.*sudo"):
                ask()
        done = run_here(["down"], {"PENSTOCK_STATE": str(layout.state)})
        assert (done.returncode, "Stopped" in done.stdout) == (1, False)
    assert supervisor.is_running()
