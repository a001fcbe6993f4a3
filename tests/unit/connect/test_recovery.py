"""The policy of the watcher: examples first, then what must hold for every history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.connect.api import ConnectorState, ConnectorStatus, TaskState
from penstock.connect.recovery import STEADY_S, Event, Kind, Recovery, backoff_s, follow, next_due_s

POLL_S = 2.0
LONGEST_S = 60.0


def status(name: str, connector: str, *tasks: str) -> ConnectorStatus:
    states = tuple(TaskState(id=n, state=state, worker_id="w", trace=None) for n, state in enumerate(tasks))
    return ConnectorStatus(
        name=name, type="sink", connector=ConnectorState(state=connector, worker_id="w"), tasks=states
    )


RUNS = status("sink", "RUNNING", "RUNNING", "RUNNING")
FAILS = status("sink", "RUNNING", "RUNNING", "FAILED")
BROKEN = status("sink", "FAILED")
RESTARTS = status("sink", "RUNNING", "RUNNING", "RESTARTING")
PAUSED = status("sink", "PAUSED", "PAUSED", "FAILED")
STOPPED = status("sink", "STOPPED")
ALL = (RUNS, FAILS, BROKEN, RESTARTS, PAUSED, STOPPED)


@dataclass
class History:
    """A watcher's life with a clock that the test moves."""

    now_s: float = 1000.0
    known: Mapping[str, Recovery] = field(default_factory=dict)
    events: list[tuple[float, Event]] = field(default_factory=list)

    def see(self, *statuses: ConnectorStatus, after_s: float = POLL_S) -> list[Kind]:
        self.now_s += after_s
        self.known, events = follow(self.known, {each.name: each for each in statuses}, now_s=self.now_s)
        self.events.extend((self.now_s, event) for event in events)
        return [event.kind for event in events]

    def restarts(self, name: str = "sink") -> list[tuple[float, int]]:
        """Return (when, which) of every restart."""
        found = [(at, event) for at, event in self.events if event.kind is Kind.RESTART and event.connector == name]
        return [(at, event.recovery.restarts) for at, event in found]


@pytest.mark.parametrize("failed", [FAILS, BROKEN])
def test_a_failure_is_restarted_after_a_second(failed: ConnectorStatus) -> None:
    history = History()
    assert history.see(failed) == [Kind.FAILED]
    assert next_due_s(history.known) == history.now_s + 1
    assert history.see(failed, after_s=0.9) == []
    assert history.see(failed, after_s=0.1) == [Kind.RESTART]


def test_the_wait_doubles_up_to_a_minute() -> None:
    history = History()
    for _ in range(400):
        history.see(FAILS, after_s=1.0)
    times = [at for at, _ in history.restarts()]
    assert [after - before for before, after in pairwise(times)][:7] == [2, 4, 8, 16, 32, 60, 60]


def test_a_connector_that_failed_and_runs_is_reported_and_after_five_minutes_forgotten() -> None:
    history = History()
    history.see(FAILS)
    history.see(FAILS)
    assert history.see(RESTARTS) == []
    assert history.see(RUNS) == [Kind.RUNS]
    assert history.see(RUNS, after_s=STEADY_S - 0.1) == []
    assert history.known["sink"].restarts == 1
    assert history.see(RUNS, after_s=0.1) == [Kind.STEADY]
    assert history.known == {}


def test_a_failure_within_five_minutes_goes_on_counting() -> None:
    history = History()
    history.see(FAILS)
    history.see(FAILS)
    history.see(RUNS)
    history.see(RUNS, after_s=STEADY_S - 1)
    assert history.see(FAILS) == [Kind.FAILED]
    assert next_due_s(history.known) == history.now_s + 2
    history.see(FAILS)
    assert [number for _, number in history.restarts()] == [1, 2]


@pytest.mark.parametrize("resting", [PAUSED, STOPPED])
def test_what_somebody_stopped_is_left_alone_and_its_count_kept(resting: ConnectorStatus) -> None:
    history = History()
    history.see(FAILS)
    history.see(FAILS)
    assert history.see(resting, after_s=2 * STEADY_S) == []
    assert next_due_s(history.known) is None
    assert history.see(FAILS) == [Kind.FAILED]
    assert history.known["sink"].restarts == 1


def test_a_deleted_connector_is_forgotten() -> None:
    history = History()
    history.see(FAILS)
    assert history.see() == [Kind.GONE]
    assert history.known == {}
    history.see(FAILS)
    assert history.known["sink"].restarts == 0


# --- for every history: gaps between looks, and what each look sees of two connectors (None: it does not exist) ---

GAPS = st.one_of(st.just(POLL_S), st.floats(0.1, 100.0))
SEEN = st.one_of(st.none(), st.sampled_from(ALL), st.just(FAILS))
LOOKS = st.lists(st.tuples(GAPS, SEEN, SEEN), max_size=60)
Looks = list[tuple[float, ConnectorStatus | None, ConnectorStatus | None]]


def statuses(one: ConnectorStatus | None, other: ConnectorStatus | None) -> Iterable[ConnectorStatus]:
    for name, seen in (("one", one), ("other", other)):
        if seen is not None:
            yield seen.model_copy(update={"name": name})


def live(looks: Looks) -> History:
    history = History()
    for gap_s, one, other in looks:
        history.see(*statuses(one, other), after_s=gap_s)
    return history


@given(LOOKS)
def test_only_what_failed_is_restarted(looks: Looks) -> None:
    history = History()
    for gap_s, one, other in looks:
        seen = {each.name: each for each in statuses(one, other)}
        before = len(history.events)
        history.see(*seen.values(), after_s=gap_s)
        for _, event in history.events[before:]:
            if event.kind is Kind.RESTART:
                assert seen[event.connector].model_copy(update={"name": "sink"}) in (FAILS, BROKEN)


@given(LOOKS)
def test_no_restart_comes_before_its_backoff(looks: Looks) -> None:
    history = live(looks)
    for name in ("one", "other"):
        restarts = history.restarts(name)
        for (before_s, number), (after_s, next_number) in pairwise(restarts):
            forgotten = [
                at
                for at, event in history.events
                if event.connector == name and event.kind in (Kind.STEADY, Kind.GONE) and before_s < at <= after_s
            ]
            assert next_number == (1 if forgotten else number + 1)
            assert after_s - before_s >= (backoff_s(0) if forgotten else backoff_s(number)) - 1e-6


@given(LOOKS)
def test_a_count_returns_to_zero_only_after_five_minutes_of_running(looks: Looks) -> None:
    history, ran_since = History(), {"one": 0.0, "other": 0.0}
    for gap_s, one, other in looks:
        before = len(history.events)
        seen = {each.name: each for each in statuses(one, other)}
        history.see(*seen.values(), after_s=gap_s)
        for _, event in history.events[before:]:
            if event.kind is Kind.STEADY:
                assert history.now_s - ran_since[event.connector] >= STEADY_S
        for name in ran_since:
            if name not in seen or not seen[name].is_running:
                ran_since[name] = history.now_s


@given(LOOKS, st.sampled_from([FAILS, BROKEN]))
def test_whatever_happened_a_failure_that_stays_is_restarted_again_and_again(
    looks: Looks, failed: ConnectorStatus
) -> None:
    history = live(looks)
    for _ in range(3):
        before = len(history.restarts("one"))
        for _ in range(int(LONGEST_S / POLL_S) + 1):
            history.see(*statuses(failed, None))
        assert len(history.restarts("one")) > before


@given(LOOKS)
def test_nothing_is_known_of_what_does_not_exist_or_never_failed(looks: Looks) -> None:
    history, failed = History(), set()
    for gap_s, one, other in looks:
        seen = {each.name: each for each in statuses(one, other)}
        history.see(*seen.values(), after_s=gap_s)
        failed |= {name for name, each in seen.items() if each.summary == "FAILED"}
        assert history.known.keys() <= seen.keys() & failed


@given(LOOKS, LOOKS)
def test_a_connector_does_not_change_what_happens_to_another(looks: Looks, others: Looks) -> None:
    alone = live([(gap_s, one, None) for gap_s, one, _ in looks])
    padded = [*others, *[(POLL_S, None, None)] * len(looks)]
    both = live([(gap_s, one, other) for (gap_s, one, _), (_, _, other) in zip(looks, padded, strict=False)])
    assert alone.restarts("one") == both.restarts("one")
