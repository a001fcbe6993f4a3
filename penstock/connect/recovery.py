"""Policy of the watcher: when it restarts a failed connector. It has no I/O and no clock.

`follow` takes what was known, what Connect says now and the time, and returns what is known then and what happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from penstock.connect.api import ConnectorStatus, State
from penstock.connect.reasons import failed_parts, root_cause

STEADY_S = 300.0
"""A connector that ran so long without failing is as good as one that never failed."""

_LONGEST_S = 60.0
_DOUBLINGS = 6
_LEFT_ALONE = {State.PAUSED, State.STOPPED}


@dataclass(frozen=True)
class Recovery:
    """What is known of a connector that failed and is not steady again; times are those given to `follow`."""

    failed: tuple[str, ...]
    reason: str
    restarts: int = 0
    due_s: float | None = None
    """When it is restarted next; None while it is not failed."""
    running_since_s: float | None = None


Known = Mapping[str, Recovery]


class Kind(StrEnum):
    """What can happen to a connector; the loop acts on RESTART, the rest is reported."""

    FAILED = "failed"
    RESTART = "restart"
    RUNS = "runs"
    STEADY = "steady"
    GONE = "gone"


@dataclass(frozen=True)
class Event:
    """Something happened to a connector; `recovery` is what is known after it."""

    kind: Kind
    connector: str
    recovery: Recovery


def backoff_s(restarts: int) -> float:
    """Return how long a failure waits for its restart, after so many restarts: 1, 2, 4 … 60 s."""
    return min(2.0 ** min(restarts, _DOUBLINGS), _LONGEST_S)


def follow(
    known: Known, statuses: Mapping[str, ConnectorStatus], *, now_s: float
) -> tuple[dict[str, Recovery], tuple[Event, ...]]:
    """Bring the knowledge up to what Connect says now.

    :param known: what the last call returned; empty at first.
    :param statuses: every connector that exists; one that is missing is forgotten.
    :param now_s: of a clock that never goes back.
    :returns: what is known now, and what happened since; each RESTART counts as done.
    """
    events = [Event(Kind.GONE, name, recovery) for name, recovery in known.items() if name not in statuses]
    now_known = {}
    for name, status in statuses.items():
        recovery, happened = _follow_one(known.get(name), status, now_s=now_s)
        if recovery is None:
            continue
        events.extend(Event(kind, name, recovery) for kind in happened)
        if Kind.STEADY not in happened:
            now_known[name] = recovery
    return now_known, tuple(events)


def next_due_s(known: Known) -> float | None:
    """Return when the next restart is due, None when nothing is failed."""
    return min((recovery.due_s for recovery in known.values() if recovery.due_s is not None), default=None)


def _follow_one(
    before: Recovery | None, status: ConnectorStatus, *, now_s: float
) -> tuple[Recovery | None, tuple[Kind, ...]]:
    if _needs_restart(status):
        return _follow_failed(before, status, now_s=now_s)
    if before is None:
        return None, ()
    if not status.is_running:
        return replace(before, due_s=None, running_since_s=None), ()
    if before.running_since_s is None:
        return replace(before, due_s=None, running_since_s=now_s), (Kind.RUNS,)
    return before, ((Kind.STEADY,) if now_s - before.running_since_s >= STEADY_S else ())


def _follow_failed(
    before: Recovery | None, status: ConnectorStatus, *, now_s: float
) -> tuple[Recovery, tuple[Kind, ...]]:
    restarts = before.restarts if before else 0
    seen = Recovery(failed_parts(status), root_cause(status), restarts)
    if before is None or before.due_s is None:
        return replace(seen, due_s=now_s + backoff_s(restarts)), (Kind.FAILED,)
    if now_s < before.due_s:
        return replace(seen, due_s=before.due_s), ()
    return replace(seen, restarts=restarts + 1, due_s=now_s + backoff_s(restarts + 1)), (Kind.RESTART,)


def _needs_restart(status: ConnectorStatus) -> bool:
    """Return whether something of it is FAILED; a connector that somebody paused or stopped is left alone."""
    return bool(status.traces) and status.connector.state not in _LEFT_ALONE
