"""A real supervisord with parts that only sleep."""

from __future__ import annotations

import getpass
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
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


def started(supervisor: Supervisor, *parts: Part) -> None:
    """Start parts that sleep, and wait until they are what they are to become."""
    supervisor.start(parts)
    for part in parts:
        supervisor.start_process(part.name)
    wait_until(
        lambda: all(command_of(supervisor.state(part.name).pid)[:1] == ["sleep"] for part in parts),
        timeout_s=PATIENCE_S,
        what="they sleep",
    )


def test_a_process_of_other_code_is_outdated_and_renewed(supervisor: Supervisor, tmp_path: Path) -> None:
    code = tmp_path / "code.py"
    code.write_text("1")
    job, other = replace(sleeper("job"), runs=(tmp_path,)), sleeper("other")
    started(supervisor, job, other)
    assert supervisor.outdated([job, other]) == set()
    assert not supervisor.renew(job)
    code.write_text("2")
    supervisor.start([job, other])
    assert supervisor.outdated([job, other]) == {"job"}, "until it was started again, whatever its launch file says"
    assert supervisor.renew(job)
    started(supervisor, job)
    assert supervisor.outdated([job, other]) == set()


def test_a_process_of_a_version_that_noted_no_code_is_outdated(layout: Layout, supervisor: Supervisor) -> None:
    job = replace(sleeper("job"), runs=(Path(__file__),))
    supervisor.start([job])
    launch = json.loads(layout.launch_file("job").read_text())
    del launch["runs"]
    layout.launch_file("job").write_text(json.dumps(launch))
    supervisor.start_process("job")
    wait_until(
        lambda: command_of(supervisor.state("job").pid) == ["sleep", "600"], timeout_s=PATIENCE_S, what="it sleeps"
    )
    assert supervisor.outdated([job]) == {"job"}


def test_what_is_stopped_for_an_upgrade_ends_after_what_needs_it_and_the_others_run_on(supervisor: Supervisor) -> None:
    parts = [
        sleeper("server"),
        replace(sleeper("client"), needs=("step",)),
        replace(sleeper("user"), stops_before=("client",)),
        sleeper("other"),
        replace(sleeper("never"), needs=("server",)),
    ]
    started(supervisor, *parts[:-1])
    supervisor.start(parts)
    before, stopped = supervisor.state("other").pid, list[str]()
    stop_all(parts, steps={"step": ("server",)}, supervisor=supervisor, on_stopped=stopped.append, only={"server"})
    assert stopped == ["user", "client", "server"]
    assert supervisor.state("other").pid == before


def test_what_is_stopped_is_started_as_the_configuration_says_now(supervisor: Supervisor) -> None:
    started(supervisor, sleeper("stopped"), sleeper("runs"))
    supervisor.stop_and_wait("stopped")
    before = supervisor.state("runs").pid
    deaf = ("sh", "-c", "trap '' TERM; trap 'exit' USR1; while :; do sleep 0.1; done")
    changed = Part(name="stopped", command=deaf, is_ready=lambda: True, stop_signal="USR1")
    supervisor.start([changed, replace(sleeper("runs"), stop_signal="INT")])
    supervisor.start_process("stopped")
    wait_until(
        lambda: command_of(supervisor.state("stopped").pid)[:1] == ["sh"], timeout_s=PATIENCE_S, what="it is another"
    )
    supervisor.stop_and_wait("stopped")
    assert supervisor.state("stopped").exit_code == 0, "by the signal that it listens to"
    assert supervisor.state("runs").pid == before


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
