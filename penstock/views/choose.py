"""Chooses how views are filled: by a snapshot past the change stream, where that is exact, or through the stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from penstock_views.declaration.views import View

from penstock.config import Config
from penstock.names import topic_of
from penstock.offsets import Place
from penstock.pipeline.fence import ends
from penstock.pipeline.fills import ids_in_cassandra, replaced, started_fills, unfilled
from penstock.pipeline.identities import Identities, Identity
from penstock.pipeline.stalled import stopped_views
from penstock.postgres.connection import connect
from penstock.postgres.record import StartedFill
from penstock.postgres.silent import silent_changes
from penstock.project.generation import epoch_of, generation_of, version_of
from penstock.views.resume import Progress, find_progress


@dataclass(frozen=True)
class FillState:
    """What decides how a view is filled.

    :param partitions: of its table's CDC topic.
    :param version: that its rows would have now.
    :param started: that with which a snapshot was last written to its table; None if none was.
    :param is_fresh: nothing filled it with this generation from this table, and the table did not change silently.
    :param is_stopped: it is a stopped view.
    :param goes_on: a fill of it was cut off, and goes on with its version.
    """

    partitions: int
    version: int
    started: int | None
    is_fresh: bool
    is_stopped: bool
    goes_on: bool = False

    def allows_lane(self, view: View) -> bool:
        """Return whether a snapshot fills the view exactly; else its table goes through the change stream once more.

        A view that is stopped waits for a record of the table as it is now. A second snapshot of the same version tells
        apart a row that went without an event only by what is not there. So it is for views alone that no such row can
        be in. With several partitions the offset of a row's own last change is unknown. The lowest does where every
        version above it is of a change that the stream has brought to this view. Nor may an entry have a place among
        others. The first is so in a view's first fill, however often that goes on.
        """
        if self.is_stopped:
            return False
        if self.partitions > 1:
            return type(view) is View and self.is_fresh and (self.started is None or self.goes_on)
        return self.is_fresh or self.started != self.version


@dataclass(frozen=True)
class Choice:
    """How views are filled.

    :param by_snapshot: those that a snapshot fills.
    :param others: those whose tables are read through the change stream.
    :param cut_off: from where on a table of the first is read, where a fill was cut off.
    """

    by_snapshot: Sequence[View]
    others: Sequence[View]
    cut_off: Mapping[str, Progress]


def choose(config: Config, views: Sequence[View], identities: Identities) -> Choice:
    """Say of each view how it is filled.

    A reading through the change stream writes all views of a table, so one that needs it takes the others along.
    """
    states, cut_off = _states(config, views, identities)
    slow = {view.table for view in views if not states[view.name].allows_lane(view)}
    return Choice(
        [view for view in views if view.table not in slow], [view for view in views if view.table in slow], cut_off
    )


def _states(
    config: Config, views: Sequence[View], identities: Identities
) -> tuple[dict[str, FillState], dict[str, Progress]]:
    epoch, stopped = epoch_of(config), stopped_views(config)
    tables = sorted({view.table for view in views})
    with connect(config) as connection:
        changed = {change.table for change in silent_changes(connection, tables)}
    ids = ids_in_cassandra(config)
    started = started_fills(config, ids)
    other = {each.view.name for each in replaced(config, views, identities=identities)}
    fresh = {view.name for view in unfilled(config, views, ids=ids, epoch=epoch, identities=identities)} - other
    last = {table: last_offsets(config, table) for table in tables}
    is_fresh = {
        view.name: view.name in fresh
        and view.table not in changed
        and _is_of(started.get(view.name), identities.get(view.table))
        for view in views
    }
    cut_off = {}
    for table in tables:
        of_table = [view for view in views if view.table == table]
        is_good = table in identities and all(is_fresh[view.name] for view in of_table)
        if is_good and (found := find_progress(config, of_table, started, epoch=epoch)):
            cut_off[table] = found
    states = {
        view.name: FillState(
            partitions=len(last[view.table]),
            version=version_of(generation_of(view, epoch=epoch), min(last[view.table].values(), default=-1)),
            started=_of_generation(started.get(view.name), generation_of(view, epoch=epoch)),
            is_fresh=is_fresh[view.name],
            is_stopped=view.name in stopped,
            goes_on=view.table in cut_off,
        )
        for view in views
    }
    return states, cut_off


def _of_generation(started: StartedFill | None, generation: int) -> int | None:
    """Return the version of a fill that began, if it is of that generation, or the one below its first."""
    return started.version if started is not None and started.version >= version_of(generation, -1) else None


def _is_of(started: StartedFill | None, identity: Identity | None) -> bool:
    """Return whether a fill that began, if one did, read the table that is there now."""
    return started is None or identity is None or identity.is_of(started.source)


def last_offsets(config: Config, table: str) -> dict[Place, int]:
    """Return the last offset of each partition of a table's CDC topic, -1 where there is none."""
    return {place: end - 1 for place, end in ends(config, [topic_of(table, config.names.topic_prefix)]).items()}
