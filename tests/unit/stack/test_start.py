"""A start on a real supervisord: who dies once while it starts is restarted and waited for."""

from __future__ import annotations

from pathlib import Path
from threading import Event as Flag

import pytest

from penstock.cassandra.session import CassandraRefused, CassandraUnreachable
from penstock.layout import Layout
from penstock.stack.elsewhere import Elsewhere
from penstock.stack.part import Part, Step
from penstock.stack.start import Event, Progress, StartFailed, start_all
from penstock.stack.supervisor import Supervisor

# supervisord calls a process that lived this long RUNNING: it has no back-off but exits.
LIVES_S = 3


@pytest.fixture
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return Layout(tmp_path_factory.mktemp("s"))  # a short path: a socket's name has 108 bytes


def dies_once(folder: Path) -> Part:
    first, second = folder / "first", folder / "second"
    life = f"if mkdir {first}; then sleep {LIVES_S}; exit 1; fi; touch {second}; exec sleep 600"
    return Part(name="dies-once", command=("sh", "-c", life), is_ready=second.exists)


def test_a_part_that_dies_once_is_waited_for(layout: Layout) -> None:
    supervisor, part = Supervisor(layout), dies_once(layout.state)
    supervisor.start([part])
    events: list[Event] = []
    try:
        start_all([part], layout=layout, supervisor=supervisor, on_event=events.append)
    finally:
        supervisor.shutdown()
    assert [event.progress for event in events] == [Progress.STARTING, Progress.READY]


def test_nobody_waits_for_the_slow_check_of_a_part_that_it_does_not_need(layout: Layout) -> None:
    taken = Flag()

    def slow_check() -> bool:
        assert taken.wait(10), "the step waited for the check"
        return True

    def step() -> str:
        taken.set()
        return "taken"

    nodes: list[Part | Step] = [Part("slow", ("true",), is_ready=slow_check), Step("quick", step)]
    events: list[Event] = []
    start_all(nodes, layout=layout, supervisor=Elsewhere(), on_event=events.append)
    assert {event.name for event in events if event.progress is Progress.READY} == {"slow", "quick"}


def test_one_that_cannot_start_ends_the_wait_for_the_others(layout: Layout) -> None:
    hopeless = Part("hopeless", ("sh", "-c", "exit 3"), is_ready=lambda: False, one_shot=True)
    silent = Part("silent", ("sleep", "600"), is_ready=lambda: False)
    supervisor = Supervisor(layout)
    supervisor.start([hopeless, silent])
    try:
        with pytest.raises(StartFailed, match="hopeless ended while it started"):
            start_all([silent, hopeless], layout=layout, supervisor=supervisor, on_event=lambda _: None)
    finally:
        supervisor.shutdown()


def test_who_only_lets_another_go_first_starts_after_it_and_without_it(layout: Layout) -> None:
    taken: list[str] = []

    def part(name: str, starts_after: tuple[str, ...] = ()) -> Part:
        def is_ready() -> bool:
            taken.append(name)
            return True

        return Part(name, ("true",), is_ready=is_ready, starts_after=starts_after)

    both = [part("loader", starts_after=("pipeline", "absent")), part("pipeline")]
    start_all(both, layout=layout, supervisor=Elsewhere(), on_event=lambda _: None)
    assert taken == ["pipeline", "loader"]


def test_a_step_is_taken_again_while_a_server_is_away_and_not_when_it_refuses(layout: Layout) -> None:
    tries: list[int] = []

    def step() -> str:
        tries.append(len(tries))
        if len(tries) < 3:
            raise CassandraUnreachable("127.0.0.1:9042", "timed out")
        raise CassandraRefused("127.0.0.1:9042", "no such keyspace")

    with pytest.raises(CassandraRefused):
        start_all([Step("keyspace", step)], layout=layout, supervisor=Elsewhere(), on_event=lambda _: None)
    assert len(tries) == 3
