"""Put the two sides of the comparison together: Postgres through Spark, and Cassandra."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial

from cassandra.cluster import Session
from confluent_kafka import KafkaException
from penstock_views.declaration.views import History, View
from pyspark.sql import SparkSession

from penstock.cassandra.session import open_session
from penstock.config import Config
from penstock.errors import PenstockError
from penstock.pipeline.away import find_away
from penstock.pipeline.fence import OnProgress, wait_until_arrived
from penstock.pipeline.followed import ViewPaused, followed_views, paused_views
from penstock.pipeline.stalled import stopped_views
from penstock.project.shapes import ContractMissing, read_shape
from penstock.project.views import pick_view
from penstock.project.workspace import Workspace
from penstock.verify.cassandra_rows import CassandraRows
from penstock.verify.ceiling import ceiling_of
from penstock.verify.check import QUICK_LOOKS, Sides, verify_views
from penstock.verify.history import HistoryRows, history_shape
from penstock.verify.last import keep_results
from penstock.verify.model import ViewResult
from penstock.verify.postgres_rows import PostgresRows


def verify(
    workspace: Workspace,
    views: Sequence[str] = (),
    *,
    spark: SparkSession,
    on_progress: OnProgress,
    patience_s: float,
) -> list[ViewResult]:
    """Compare the named views, or all that flow, row by row and column by column (:mod:`penstock.verify.run`).

    :param patience_s: how long the pipeline may be stalled before what has not arrived counts as a difference; 0
        compares what is there now.
    :raises ViewUnknown: there is no view of a name.
    :raises ViewPaused: a named view is paused.
    :raises CassandraUnreachable: Cassandra is away.
    """
    config = workspace.config
    away = find_away(workspace)
    flowing = _flowing(workspace, views, away, on_progress=on_progress)
    waiting = {view.name: away[view.source] for view in flowing if view.source in away}
    stopped = {**_unfollowed(workspace, flowing, away), **stopped_views(config), **waiting}
    going = [view for view in flowing if view.name not in stopped]
    with open_session(config) as session:
        expected = PostgresRows(spark, workspace=workspace)
        found = [_sides(workspace, view, session, expected, on_progress=on_progress) for view in going]
        results = verify_views(
            [sides for sides in found if isinstance(sides, Sides)],
            catch_up=partial(_catch_up, config, {view.name: view for view in flowing}, patience_s, on_progress),
            quick_looks=QUICK_LOOKS if patience_s else 0,
        )
    unwritten = [result for result in found if isinstance(result, ViewResult)]
    unwritten += [ViewResult(view.name, stopped=stopped[view.name]) for view in flowing if view.name in stopped]
    results = sorted([*results, *unwritten], key=lambda result: result.view)
    keep_results(config, results)
    return results


def _flowing(
    workspace: Workspace, names: Sequence[str], away: Collection[str], *, on_progress: OnProgress
) -> list[View]:
    chosen = [pick_view(workspace.views, name) for name in names] or workspace.views
    paused = paused_views(*(each.config for each in _parts(workspace, away)))
    if found := [name for name in names if name in paused]:
        raise ViewPaused(found)
    for name in sorted(paused.intersection(view.name for view in chosen)):
        on_progress(f"view {name} is paused: not compared")
    return [view for view in chosen if view.name not in paused]


def _parts(workspace: Workspace, away: Collection[str]) -> list[Workspace]:
    """Return the sources that answer."""
    return [each for each in workspace.sources if each.config.source not in away]


def _unfollowed(workspace: Workspace, views: Sequence[View], away: Collection[str]) -> dict[str, str]:
    """Name the views whose tables are not published, with what to do: nothing of these tables comes."""
    followed = {view.name for each in _parts(workspace, away) for view in followed_views(each)}
    cure = "is not followed: `penstock views check` says why, `penstock views apply` takes it in"
    return {view.name: f"{view.source_table} {cure}" for view in views if view.name not in followed}


def _catch_up(
    config: Config,
    views: Mapping[str, View],
    patience_s: float,
    on_progress: OnProgress,
    suspects: Mapping[str, int],
) -> bool:
    """Wait until all that Postgres holds now has come through; return whether it has."""
    if not patience_s:
        return False
    for name, number in suspects.items():
        on_progress(f"{name}: {number:,} rows differ; a change may be on its way, so all changes up to now go first")
    try:
        wait_until_arrived(config, [views[name] for name in suspects], on_progress=on_progress, stall_s=patience_s)
    except (PenstockError, KafkaException) as exc:
        on_progress(f"{', '.join(suspects)}: not waited for any longer: {exc}")
        return False
    return True


def _sides(
    workspace: Workspace, view: View, session: Session, expected: PostgresRows, *, on_progress: OnProgress
) -> Sides | ViewResult:
    """Say in which shape a view is compared, and who reads either side; or why it cannot be."""
    config = workspace.config.of_source(view.source)
    keyspace = config.names.keyspace
    ceiling = ceiling_of(config, view, on_progress=on_progress)
    if isinstance(view, History):
        rows = HistoryRows(session, keyspace=keyspace, columns=expected.columns)
        return Sides(history_shape(view.name, view.key), expected, rows, ceiling)
    try:
        shape = read_shape(workspace.project, view.name)
    except ContractMissing as exc:
        return ViewResult(view.name, stopped=str(exc))
    return Sides(shape, expected, CassandraRows(session, keyspace=keyspace), ceiling)
