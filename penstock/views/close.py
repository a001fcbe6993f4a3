"""Close the timelines of rows that are gone without an event: a lost slot or a dropped partition sends none.

A last entry `d` says so, without an LSN and a transaction: what it was before, and when it was found gone. Until then
the newest entry would be of a row that is not there, which is what `verify` compares.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from penstock_views.declaration.views import History

from penstock.cassandra.session import open_session
from penstock.cassandra.table import ViewTable
from penstock.cassandra.values import Instant
from penstock.contract import ROW_VERSION, VERSION
from penstock.local_spark import local_spark
from penstock.pipeline.fence import OnProgress
from penstock.project.generation import version_of
from penstock.project.shapes import ViewShape
from penstock.project.workspace import Workspace
from penstock.verify.canonical import canonical_key
from penstock.verify.history import NEWEST, HistoryRows, history_shape
from penstock.verify.model import Row
from penstock.verify.postgres_rows import PostgresRows

_ENTRY = {"op": "d", "lsn": None, "tx_id": None, "after": None, "changed": None}


def close_gone(
    workspace: Workspace, view: History, *, below: int, version: int, wait: Callable[[], None], on_progress: OnProgress
) -> int:
    """Write the last entry of every row that a complete reading has not renewed and Postgres does not have.

    :param below: the version at which the reading began; an entry at or above it is news.
    :param version: with which the last entries are written; one whose row has a later entry follows that.
    :param wait: returns when all that Postgres had committed at the call is in Cassandra. A row that was deleted while
        the table was read has its own event on the way.
    :returns: how many.
    """
    config = workspace.config
    shape, keyspace = history_shape(view.name, view.key), config.names.keyspace
    with open_session(config) as session:
        # Nobody asks here whether the entries are a chain, in any column.
        rows = HistoryRows(session, keyspace=keyspace, columns=lambda _: ((), ()))
        suspects = [row for row in rows.scan(shape) if _is_old(row, below)]
        if not suspects:
            return 0
        on_progress(f"{view.name}: {len(suspects):,} rows were not renewed; asking Postgres which are gone")
        gone = _without(shape, suspects, _expected(workspace, shape))
        wait()
        table = ViewTable(session, keyspace=keyspace, name=view.name)
        return table.insert(_last_entry(view, newest, version) for newest in _unmoved(view, table, gone))


def _is_old(row: Row, below: int) -> bool:
    return row[NEWEST] is not None and (row[ROW_VERSION] or 0) < below


def _expected(workspace: Workspace, shape: ViewShape) -> set[bytes]:
    with local_spark(workspace.config) as spark:
        return {canonical_key(row, shape.key) for row in PostgresRows(spark, workspace=workspace).scan(shape)}


def _without(shape: ViewShape, rows: Sequence[Row], expected: set[bytes]) -> dict[bytes, Row]:
    keyed = {canonical_key(row, shape.key): row for row in rows}
    return {key: row for key, row in keyed.items() if key not in expected}


def _unmoved(view: History, table: ViewTable, gone: Mapping[bytes, Row]) -> list[dict[str, Any]]:
    """Read the newest entries of these rows again; return those that are the newest still."""
    newest: dict[bytes, dict[str, Any]] = {}
    for entry in table.pick_partitions(gone.values()):
        newest.setdefault(canonical_key(entry, view.key), entry)
    return [entry for key, entry in newest.items() if entry[ROW_VERSION] == gone[key][ROW_VERSION]]


def _last_entry(view: History, newest: Mapping[str, Any], version: int) -> dict[str, Any]:
    at = max(version - version_of(view.revision - view.since, 0), newest[VERSION] + 1)
    found_gone = Instant(time.time_ns() // 1_000_000 * 1000)
    # A change at that very place is news, and writes over this.
    said = {VERSION: at, ROW_VERSION: version, "committed_at": found_gone, "before": newest["after"]}
    return {**newest, **_ENTRY, **said}
