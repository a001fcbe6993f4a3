"""Fill or mend views while changes go on: read their tables again, wait for Cassandra, remove what is stale."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial

from penstock_views.declaration.views import History, View

from penstock.cassandra.session import open_session
from penstock.cassandra.table import Row, ViewTable
from penstock.config import Config
from penstock.local_spark import local_spark
from penstock.offsets import Place
from penstock.pipeline.fence import OnProgress, ends, wait_until_arrived, wait_until_processed, wait_until_written
from penstock.pipeline.fills import mark_filled
from penstock.pipeline.followed import refuse_paused
from penstock.pipeline.identities import Identities, identities_of
from penstock.pipeline.stalled import refuse_stopped, stopped_views, wait_until_settled
from penstock.postgres.connection import connect
from penstock.project.generation import epoch_of, generation_of, version_of
from penstock.project.shapes import read_shape
from penstock.project.workspace import Workspace
from penstock.views.choose import Choice, choose
from penstock.views.close import close_gone
from penstock.views.lane import fill, refuse_unread
from penstock.views.reread import Wanted, only_reread, reread
from penstock.views.stale_rows import old_rows, stale_rows

_TABLES_AT_ONCE = 16


def refill(workspace: Workspace, views: Sequence[View], *, on_progress: OnProgress, rate: int | None = None) -> int:
    """Make the tables of these views hold exactly what they should; return how many stale rows were removed.

    From a snapshot, where it does (choose.py). Else every history of the same tables holds the reads too, as entries
    `r`: what the row is, not a change of it. What is stopped stays as it is, which `refuse_stopped` says.

    :param views: row views and histories.
    :param rate: how many rows a second a snapshot is read with, at most.
    :raises ViewPaused: when one of them is.
    """
    config = workspace.config
    refuse_paused(config, [view.name for view in views])
    identities, removed = identities_of(workspace), 0
    if config.supervised:
        wait_until_settled(config)  # a view that is stopped is filled in another way
    choice = choose(config, views, identities)
    if choice.by_snapshot:
        removed += _by_snapshot(workspace, choice, identities, on_progress=on_progress, rate=rate)
    if others := choice.others:
        began = _reread(config, others, _whole(others), on_progress=on_progress)
        removed += settle(workspace, others, began, identities=identities, on_progress=on_progress)
    return removed


def _by_snapshot(
    workspace: Workspace, choice: Choice, identities: Identities, *, on_progress: OnProgress, rate: int | None
) -> int:
    removed, config = 0, workspace.config
    for tables in _some(sorted({view.table for view in choice.by_snapshot})):
        of_tables = [view for view in choice.by_snapshot if view.table in tables]
        filled = fill(config, of_tables, identities, cut_off=choice.cut_off, on_progress=on_progress, rate=rate)
        removed += settle(
            workspace, of_tables, filled.began, identities=identities, empty=filled.empty, on_progress=on_progress
        )
    return removed


def _some(tables: Sequence[str]) -> Iterator[Sequence[str]]:
    """Hand out a few tables at a time: one that is settled is not read again after the command was cut off."""
    for at in range(0, len(tables), _TABLES_AT_ONCE):
        yield tables[at : at + _TABLES_AT_ONCE]


def settle(
    workspace: Workspace,
    views: Sequence[View],
    began: Mapping[Place, int],
    *,
    identities: Identities,
    empty: Collection[str] = (),
    on_progress: OnProgress,
) -> int:
    """Remove what a complete reading has not renewed, and remember that the views are filled.

    :param began: the places of the CDC topics from which on a version is of the reading, or later.
    :param identities: of the tables, before the reading too: one that went meanwhile was not read.
    :param empty: the names of views that had no row before the reading.
    :returns: how many stale rows were removed; of stopped views none, and they do not count as filled.
    """
    config = workspace.config
    stopped = stopped_views(config)
    filled = [view for view in views if view.name not in stopped]
    old = [view for view in filled if view.name not in empty]
    # No entry of a history is ever stale, it holds what was; but a row that is gone needs a last one.
    rows = [view for view in old if type(view) is View]
    removed = _sweep(workspace, rows, began, on_progress=on_progress)
    _close(workspace, [view for view in old if isinstance(view, History)], began, on_progress=on_progress)
    mark_filled(config, filled, epoch=epoch_of(config), identities=identities)
    return removed


def _whole(views: Sequence[View]) -> Wanted:
    return Wanted(tuple(sorted({view.table for view in views})))


def refill_rows(
    workspace: Workspace, view: View, wanted: Wanted, is_of_row: Callable[[Row], bool], *, on_progress: OnProgress
) -> int:
    """Make the rows that come from one source row right; return how many stale rows were removed.

    :param is_of_row: says which rows of the view may come from it; of others none is removed.
    """
    config = workspace.config
    refuse_paused(config, [view.name])
    began = _reread(config, [view], wanted, on_progress=on_progress)
    refuse_stopped(config, [view.name])
    return _sweep(workspace, [view], began, on_progress=on_progress, only=is_of_row)


def _reread(config: Config, views: Sequence[View], wanted: Wanted, *, on_progress: OnProgress) -> dict[Place, int]:
    """Read again and follow it into Cassandra; return where the CDC topics ended before."""
    for role in (config.replicating, config.reading):
        refuse_unread(config, wanted.tables, role)
    with connect(config) as connection, only_reread(connection):
        began = ends(config, sorted({view.source_topic for view in views}))
        reread(config, connection, wanted, on_progress=on_progress)
        follow(config, views, on_progress=on_progress)
    return began


def follow(config: Config, views: Sequence[View], *, on_progress: OnProgress) -> None:
    """Wait until what is in the tables' topics now is in Cassandra; nothing of a view that is stopped will be."""
    wait_until_processed(config, views, on_progress=on_progress)
    wait_until_written(config, sorted(view.topic for view in views), on_progress=on_progress)


def _close(
    workspace: Workspace, views: Sequence[History], began: Mapping[Place, int], *, on_progress: OnProgress
) -> None:
    config = workspace.config
    for view in views:
        first, last = _versions(config, view, began)
        wait = partial(wait_until_arrived, config, [view], on_progress=on_progress)
        closed = close_gone(workspace, view, below=last, version=first - 1, wait=wait, on_progress=on_progress)
        if closed:
            on_progress(f"{view.name}: {closed:,} rows were gone without an event and have a last entry now")


def _versions(config: Config, view: View, began: Mapping[Place, int]) -> tuple[int, int]:
    """Return the lowest and the highest version at which the partitions of a view's table ended before the reading.

    What has come since lies above the end of its own partition: below the highest it may look old; Postgres is asked.
    """
    generation = generation_of(view, epoch=epoch_of(config))
    offsets = [offset for (topic, _), offset in began.items() if topic == view.source_topic]
    return version_of(generation, min(offsets)), version_of(generation, max(offsets))


def _sweep(
    workspace: Workspace,
    views: Sequence[View],
    began: Mapping[Place, int],
    *,
    on_progress: OnProgress,
    only: Callable[[Row], bool] = lambda _: True,
) -> int:
    """Remove what the re-read has not renewed and Postgres does not have; return how many rows."""
    config = workspace.config
    keyspace, removed = config.names.keyspace, 0
    with open_session(config) as session:
        for view in views:
            table = ViewTable(session, keyspace=keyspace, name=view.name)
            shape = read_shape(workspace.project, view.name)
            first, below = _versions(config, view, began)
            suspects = {key: row for key, row in old_rows(table, shape, below=below).items() if only(row)}
            if suspects:
                on_progress(
                    f"{view.name}: {len(suspects):,} rows were not renewed; asking Postgres which should be gone"
                )
                with local_spark(config) as spark:
                    stale = stale_rows(workspace, spark, shape, suspects)
                removed += table.delete(stale.values(), timestamp=first - 1)
    return removed
