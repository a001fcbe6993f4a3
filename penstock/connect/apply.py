"""Make the worker follow the connector files: validate, diff, PUT only what changed, wait until everything runs.

The policy over `penstock.connect.api`. All connectors are validated before any is changed, so a bad one leaves
everything as it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from penstock.connect.api import ConnectApi, ConnectorNotFound, ConnectorStatus, State
from penstock.connect.files import ConnectorFile
from penstock.connect.reasons import reasons
from penstock.errors import PenstockError, TerminalError, TransientError

_T = TypeVar("_T")
_PAUSE_S = 0.25
# A PUT is acted on a little later: until then the status still shows the tasks of before, RUNNING or FAILED.
_STEADY_S = 2.0
_FAILED_FOR_GOOD_S = 5.0
_LOOK_S = 2.0
# The watcher restarts what failed, a worker comes back, another command moves the sink.
_BORNE_S = 60.0


class ConnectorRejected(TerminalError):
    """The worker finds the configuration of a connector wrong."""

    def __init__(self, name: str, problems: Sequence[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        listed = "\n  ".join(f"{key}: {message}" for key, message in problems)
        super().__init__(f"connector {name} refused by Kafka Connect; nothing was applied:\n  {listed}")


class ConnectorFailed(TerminalError):
    """A connector, or a task of it, is FAILED; `status.traces` has the whole stack traces."""

    def __init__(self, status: ConnectorStatus) -> None:
        self.status = status
        listed = "\n  ".join(reasons(status))
        super().__init__(
            f"connector {status.name} failed; mend the cause, then "
            f"`penstock connectors restart {status.name}` (`penstock logs connect` has the whole trace):\n  {listed}"
        )


class ConnectorIdle(TerminalError):
    """A connector is PAUSED or STOPPED, and what waits for it would wait for ever."""

    def __init__(self, status: ConnectorStatus) -> None:
        cure = f"`penstock connectors resume {status.name}`, then run this again"
        super().__init__(f"connector {status.name} is {status.connector.state}: {cure}")


class ConnectorNotRunning(TransientError):
    """A connector did not come up in time."""

    def __init__(self, name: str, status: ConnectorStatus | None, waited_s: float) -> None:
        seen = "no status yet" if status is None else f"{status.summary}, {len(status.tasks)} task(s)"
        super().__init__(
            f"connector {name} is not running after {waited_s:.0f} s ({seen}); see `penstock logs connect`"
        )


class Outcome(StrEnum):
    """What applying a connector did (or, in a dry run, would do)."""

    CREATED = "created"
    UPDATED = "updated"
    RESTARTED = "restarted"
    RESUMED = "resumed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Change:
    """One key that differs; None stands for absent."""

    key: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Applied:
    """The result for one connector."""

    name: str
    outcome: Outcome
    changes: tuple[Change, ...]


def apply_connectors(
    api: ConnectApi, *, files: Sequence[ConnectorFile], dry_run: bool = False, timeout_s: float = 90
) -> tuple[Applied, ...]:
    """Make the connectors of these files exist with exactly these configurations, all RUNNING.

    An unchanged connector that has FAILED is restarted. A paused one stays paused: somebody wanted that. A stopped one
    is resumed: a command stops it for a moment, and may have been killed then.

    :param dry_run: only validate and compare.
    :param timeout_s: for everything together, the retries while the worker starts included.
    :raises ConnectorRejected: a configuration is wrong; nothing was changed.
    :raises ConnectorFailed: a connector or task failed, with its traces.
    :raises ConnectorNotRunning: not all RUNNING in time.
    """
    deadline = time.monotonic() + timeout_s
    for file in files:
        _validate(api, file, deadline=deadline)
    plans = tuple(_plan(api, file, deadline=deadline) for file in files)
    if dry_run:
        return plans
    for file, plan in zip(files, plans, strict=True):
        _carry_out(api, file, plan, deadline=deadline)
    for plan in plans:
        _wait_running(api, plan, deadline=deadline, timeout_s=timeout_s)
    return plans


def validate_connectors(api: ConnectApi, *, files: Sequence[ConnectorFile], timeout_s: float = 60) -> None:
    """Ask the worker whether these configurations are right.

    :raises ConnectorRejected: for the first wrong one.
    """
    deadline = time.monotonic() + timeout_s
    for file in files:
        _validate(api, file, deadline=deadline)


def wait_running(api: ConnectApi, name: str, *, timeout_s: float = 60) -> None:
    """Wait until a connector that was just resumed or restarted, and all its tasks, are RUNNING."""
    plan = Applied(name, Outcome.RESTARTED, ())
    _wait_running(api, plan, deadline=time.monotonic() + timeout_s, timeout_s=timeout_s)


class ConnectorWatch:
    """Ends a wait for connectors when one of them has not worked for a while.

    :param url: of the worker.
    """

    def __init__(self, url: str, *names: str) -> None:
        self._url, self._names = url, names
        self._held, self._due_s = _Held(), 0.0

    def look(self) -> None:
        """Raise when waiting on is in vain; this may be asked again and again.

        :raises ConnectorFailed: with its trace.
        :raises ConnectorIdle: somebody has paused or stopped it.
        :raises ConnectUnreachable, ConnectBusy, ConnectorNotFound: nobody knows how it is.
        """
        if time.monotonic() < self._due_s:
            return
        self._due_s = time.monotonic() + _LOOK_S
        problem = self._problem()
        if self._held.for_s(problem is not None) >= _BORNE_S and problem is not None:
            raise problem

    def _problem(self) -> PenstockError | None:
        try:
            with ConnectApi(self._url) as api:
                statuses = [api.status(name) for name in self._names]
        except PenstockError as exc:
            return exc
        return next(filter(None, map(_problem_of, statuses)), None)


def _problem_of(status: ConnectorStatus) -> PenstockError | None:
    if status.summary == State.FAILED:
        return ConnectorFailed(status)
    return ConnectorIdle(status) if status.connector.state in (State.PAUSED, State.STOPPED) else None


def diff_configs(before: dict[str, str], after: dict[str, str]) -> tuple[Change, ...]:
    """Compare two configurations key by key; `name`, which Connect adds, does not count."""
    keys = sorted((before.keys() | after.keys()) - {"name"})
    pairs = ((key, before.get(key), after.get(key)) for key in keys)
    return tuple(Change(key, old, new) for key, old, new in pairs if old != new)


def _validate(api: ConnectApi, file: ConnectorFile, *, deadline: float) -> None:
    # Connect validates a configuration only with its name in it.
    validation = _retry(lambda: api.validate(file.name, file.config), deadline=deadline)
    if validation.error_count:
        raise ConnectorRejected(file.name, validation.problems)


def _plan(api: ConnectApi, file: ConnectorFile, *, deadline: float) -> Applied:
    try:
        current = _retry(lambda: api.config(file.name), deadline=deadline)
    except ConnectorNotFound:
        return Applied(file.name, Outcome.CREATED, diff_configs({}, file.config))
    changes = diff_configs(current, file.config)
    if changes:
        return Applied(file.name, Outcome.UPDATED, changes)
    status = _status_or_none(api, file.name, deadline=deadline)
    if _is_stopped(status):
        return Applied(file.name, Outcome.RESUMED, ())
    failed = status is not None and status.summary == State.FAILED
    return Applied(file.name, Outcome.RESTARTED if failed else Outcome.UNCHANGED, ())


def _carry_out(api: ConnectApi, file: ConnectorFile, plan: Applied, *, deadline: float) -> None:
    match plan.outcome:
        case Outcome.CREATED | Outcome.UPDATED:
            _retry(lambda: api.put_config(file.name, file.config), deadline=deadline)
        case Outcome.RESTARTED:
            _retry(lambda: api.restart(file.name, only_failed=True), deadline=deadline)
        case Outcome.RESUMED | Outcome.UNCHANGED:
            pass
    # A new configuration starts no stopped connector.
    if _is_stopped(_status_or_none(api, file.name, deadline=deadline)):
        _retry(lambda: api.resume(file.name), deadline=deadline)


def _is_stopped(status: ConnectorStatus | None) -> bool:
    return status is not None and status.connector.state == State.STOPPED


def _wait_running(api: ConnectApi, plan: Applied, *, deadline: float, timeout_s: float) -> None:
    steady_s = 0.0 if plan.outcome is Outcome.UNCHANGED else _STEADY_S
    may_be_paused = plan.outcome in (Outcome.UNCHANGED, Outcome.UPDATED)
    running, failed = _Held(), _Held()
    while True:
        status = _status_or_none(api, plan.name, deadline=deadline)
        summary = None if status is None else status.summary
        if may_be_paused and summary == State.PAUSED:
            return
        if running.for_s(status is not None and status.is_running) >= steady_s:
            return
        if failed.for_s(summary == State.FAILED) >= _FAILED_FOR_GOOD_S and status is not None:
            raise ConnectorFailed(status)
        if time.monotonic() >= deadline:
            raise ConnectorNotRunning(plan.name, status, timeout_s)
        time.sleep(_PAUSE_S)


class _Held:
    """How long a condition has been true without a break."""

    def __init__(self) -> None:
        self._since: float | None = None

    def for_s(self, condition: bool) -> float:
        """Return the seconds since it became true, -1 when it is false."""
        if not condition:
            self._since = None
            return -1.0
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        return now - self._since


def _status_or_none(api: ConnectApi, name: str, *, deadline: float) -> ConnectorStatus | None:
    """Return the status, or None while a connector just created has none yet."""
    try:
        return _retry(lambda: api.status(name), deadline=deadline)
    except ConnectorNotFound:
        return None


def _retry(call: Callable[[], _T], *, deadline: float) -> _T:
    """Call until it answers; a refused connection and a busy or starting worker are retried until the deadline."""
    while True:
        try:
            return call()
        except TransientError:
            if time.monotonic() + _PAUSE_S >= deadline:
                raise
            time.sleep(_PAUSE_S)
