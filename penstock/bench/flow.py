"""Measures how soon a change of Postgres is in its change topic, in each view's topic, and readable in Cassandra."""

from __future__ import annotations

import time
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from penstock_views.declaration.totals import Aggregate
from penstock_views.declaration.views import View

from penstock.bench.arrivals import Arrivals, Seen
from penstock.bench.pace import OnProgress, percentiles
from penstock.bench.processors import ProcessorLooks, Processors
from penstock.bench.updates import Updates
from penstock.cassandra.session import open_session
from penstock.config import Config
from penstock.errors import TerminalError
from penstock.pipeline.followed import paused_views
from penstock.project.workspace import Workspace
from penstock.registry.client import RegistryClient

_QUIET_S = 15.0
"""Longer than the job of row views takes from one commit to its next records."""
_STALL_S = 60.0
_LOOK_S = 1.0


class ChangesMissing(TerminalError):
    """Not every change came: then no figure counts."""

    def __init__(self, found: int, wanted: int) -> None:
        super().__init__(
            f"{found:,} of {wanted:,} changes came to the change topics, and nothing more for {_STALL_S:.0f} s; "
            "`penstock status` shows more"
        )


@dataclass(frozen=True)
class Leg:
    """Milliseconds from when an UPDATE is handed to Postgres until a client sees it at one place.

    :param p50_ms: None where too few were seen, as is `p99_ms`.
    """

    place: str
    samples: int
    p50_ms: float | None
    p99_ms: float | None

    def __str__(self) -> str:
        if self.p50_ms is None or self.p99_ms is None:
            return f"{self.samples} seen, too few for figures: take more `--seconds`"
        return f"p50 {self.p50_ms:,.0f} ms, p99 {self.p99_ms:,.0f} ms"


@dataclass(frozen=True)
class Flow:
    """The figures of one run.

    :param rate: changes per second, as they were really made.
    :param processors: what they did meanwhile.
    """

    rate: float
    changes: int
    processors: Processors
    legs: tuple[Leg, ...]


def flow(config: Config, *, rate: int, seconds: int, warm_up_s: int, on_progress: OnProgress) -> Flow:
    """Update rows of every table that has a view, without changing them, and time each on its way.

    Aggregates are left out: their record is of a micro-batch, not of a change. So are paused views, and those of
    further sources.

    :param warm_up_s: so many seconds are not timed at first.
    :raises NothingToUpdate: no such table has a row.
    :raises ChangesMissing: the pipeline has stalled.
    """
    paused = paused_views(config)
    ours = [view for view in Workspace(config).views if not view.source and not isinstance(view, Aggregate)]
    views = [view for view in ours if view.name not in paused]
    tables = sorted({view.table for view in views})
    updates = Updates(config, tables=tables, rate=rate, seconds=warm_up_s + seconds)
    looks = ProcessorLooks()
    with (
        open_session(config) as session,
        RegistryClient(config.registry.url) as registry,
        closing(Arrivals(config, views, registry, session)) as arrivals,
    ):
        started = time.monotonic()
        updates.start()
        looks.look()
        _follow(updates, arrivals, looks, on_progress)
    sent = [(transaction, at) for transaction, at in updates.sent if at >= started + warm_up_s]
    processors = looks.between(started + warm_up_s, max((at for _, at in sent), default=started))
    return Flow(round(len(sent) / seconds, 1), len(sent), processors, tuple(_legs(views, sent, arrivals.seen)))


def _follow(updates: Updates, arrivals: Arrivals, looks: ProcessorLooks, on_progress: OnProgress) -> None:
    """Take what arrives until every change has come and no record of one comes any more, whatever others change."""
    looked_at = moved_at = time.monotonic()
    came = 0
    counted = Counted(updates.sent, arrivals.seen.lsns)
    while True:
        arrivals.poll()
        now = time.monotonic()
        if now - looked_at < _LOOK_S:
            continue
        looked_at = now
        looks.look()
        found, wanted = counted.look()
        on_progress("changes seen", found, wanted)
        if updates.is_running:
            moved_at = now
            continue
        before, came = came, found + _count_records(updates.sent, arrivals.seen)
        if came != before:
            moved_at = now
        elif found == wanted and now - moved_at > _QUIET_S:
            return
        elif now - moved_at > _STALL_S:
            raise ChangesMissing(found, wanted)


class Counted:
    """How many changes have come, counted on from the last look: it takes no longer the more there are.

    :param sent: transactions with when they were made; it grows.
    :param came: what came, by transaction; it grows.
    """

    def __init__(self, sent: Sequence[tuple[int, float]], came: Container[int]) -> None:
        self._sent, self._came = sent, came
        self._looked_at = 0
        self._missing: list[int] = []

    def look(self) -> tuple[int, int]:
        """Count what came, and what was sent."""
        fresh = [transaction for transaction, _ in self._sent[self._looked_at :]]
        self._looked_at += len(fresh)
        self._missing = [transaction for transaction in self._missing + fresh if transaction not in self._came]
        return self._looked_at - len(self._missing), self._looked_at


def _count_records(sent: Sequence[tuple[int, float]], seen: Seen) -> int:
    """Count the view records that came of the updates."""
    sent_at = _sent_at(sent, seen)
    return sum(lsn in sent_at for _, lsn in seen.records)


def _sent_at(sent: Sequence[tuple[int, float]], seen: Seen) -> dict[int, float]:
    """Find when each change that came was made, by LSN."""
    return {seen.lsns[transaction]: at for transaction, at in sent if transaction in seen.lsns}


def _legs(views: Sequence[View], sent: Sequence[tuple[int, float]], seen: Seen) -> Iterator[Leg]:
    sent_at = _sent_at(sent, seen)
    yield _leg("change topics", sent_at, seen.changes)
    for what, arrived in (("topic", seen.records), ("Cassandra", seen.rows)):
        for view in views:
            yield _leg(
                f"{view.name}: {what}", sent_at, {lsn: at for (name, lsn), at in arrived.items() if name == view.name}
            )


def _leg(place: str, sent_at: Mapping[int, float], arrived_at: Mapping[int, float]) -> Leg:
    """Sum up the waits at a place: two at least, or there are no figures."""
    waits = [(at - sent_at[lsn]) * 1000 for lsn, at in arrived_at.items() if lsn in sent_at]
    if len(waits) < 2:
        return Leg(place, len(waits), None, None)
    p50_ms, p99_ms = percentiles(waits)
    return Leg(place, len(waits), round(p50_ms, 1), round(p99_ms, 1))
