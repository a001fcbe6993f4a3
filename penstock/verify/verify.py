"""Put the two sides of the comparison together: Postgres through Spark, and Cassandra."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from cassandra.cluster import Session
from penstock_views.declare import History, View

from penstock.cassandra.session import open_session
from penstock.config import Config
from penstock.connect.apply import ConnectorFailed
from penstock.local_spark import local_spark
from penstock.project import Project
from penstock.verify.cassandra_rows import CassandraRows
from penstock.verify.check import QUICK_LOOKS, verify_view
from penstock.verify.history import HistoryRows, history_shape
from penstock.verify.last import keep_results
from penstock.verify.model import RowSource, ViewResult, ViewShape
from penstock.verify.postgres_rows import PostgresRows
from penstock.verify.shape import read_shapes
from penstock.views.connector_lists import read_lists
from penstock.views.fence import wait_until_arrived
from penstock.views.load import views_of
from penstock.views.pause import refuse_paused
from penstock.views.reread import OnProgress
from penstock.views.stalled import FlowStalled

DEFAULT_PATIENCE_S = 300.0
_NAME = "verify-spark"


def verify(
    config: Config,
    views: Sequence[str] = (),
    *,
    on_progress: OnProgress,
    patience_s: float = DEFAULT_PATIENCE_S,
) -> list[ViewResult]:
    """Compare the named views, or all that flow, row by row and column by column.

    :param patience_s: how long the pipeline may stand still before what has not arrived counts as a difference; 0
        compares what is there now.
    :raises ViewUnknown: a name has no contract.
    :raises ViewPaused: a named view is paused.
    :raises CassandraUnreachable: Cassandra is away.
    """
    shapes = read_shapes(config, _flowing(config, views, on_progress=on_progress))
    declared = {view.name: view for view in views_of(config)}
    with open_session(config) as session, local_spark(config, name=_NAME) as spark:
        expected = PostgresRows(spark, config=config)
        results = [
            verify_view(
                shape,
                expected=expected,
                actual=actual,
                catch_up=partial(_catch_up, config, declared[shape.name], patience_s, on_progress),
                quick_looks=QUICK_LOOKS if patience_s else 0,
            )
            for shape, actual in _sides(session, config, shapes)
        ]
    keep_results(config, results)
    return results


def _flowing(config: Config, views: Sequence[str], *, on_progress: OnProgress) -> Sequence[str]:
    paused = read_lists(Project.of(config)).paused
    if views:
        refuse_paused(config, views)
        return views
    for name in sorted(paused):
        on_progress(f"view {name} is paused: not compared")
    return [view.name for view in views_of(config) if view.name not in paused]


def _catch_up(config: Config, view: View, patience_s: float, on_progress: OnProgress, suspects: int) -> bool:
    """Wait until all that Postgres holds now has come through; return whether it has."""
    if not patience_s:
        return False
    on_progress(f"{view.name}: {suspects:,} rows differ; a change may be on its way, so all changes up to now go first")
    try:
        wait_until_arrived(config, view, on_progress=on_progress, stall_s=patience_s)
    except (FlowStalled, ConnectorFailed) as exc:
        on_progress(f"{view.name}: not waited for any longer: {exc}")
        return False
    return True


def _sides(session: Session, config: Config, shapes: Sequence[ViewShape]) -> Iterator[tuple[ViewShape, RowSource]]:
    """Say for each view in which shape it is compared, and who reads Cassandra's side."""
    keyspace = config.cassandra.keyspace
    rows, entries = CassandraRows(session, keyspace=keyspace), HistoryRows(session, keyspace=keyspace)
    histories = {view.name: view for view in views_of(config) if isinstance(view, History)}
    for shape in shapes:
        if shape.name in histories:
            yield history_shape(shape.name, histories[shape.name].key), entries
        else:
            yield shape, rows
