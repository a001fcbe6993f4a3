"""`views repair`: make a view's table right again, whole or what comes from one source row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from penstock_views.declaration.totals import Aggregate
from penstock_views.declaration.views import History, View
from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from penstock.cassandra.table import Row
from penstock.errors import TerminalError
from penstock.keys.text import read_key
from penstock.keys.types import column_types
from penstock.keys.values import canonical
from penstock.local_spark import local_spark
from penstock.pipeline.fence import OnProgress
from penstock.pipeline.fills import mark_progress
from penstock.pipeline.followed import refuse_paused
from penstock.pipeline.stalled import refuse_stopped
from penstock.postgres.catalogue import read_live_table
from penstock.postgres.connection import connect
from penstock.project.views import pick_view
from penstock.project.workspace import Workspace
from penstock.verify.model import Absence
from penstock.verify.postgres_rows import PostgresRows
from penstock.views.begin import begin_again
from penstock.views.refill import refill, refill_rows
from penstock.views.reread import Wanted


class KeyUnfit(TerminalError):
    """What was given is no primary key of the table."""

    def __init__(self, table: str, key: Sequence[str], given: Sequence[str]) -> None:
        super().__init__(
            f"{table} has the primary key ({', '.join(key)}): give {len(key)} value(s) in this order, not {len(given)}"
        )


class HistoryUnfit(TerminalError):
    """A history says what was, and the table only knows what is."""

    def __init__(self, view: View) -> None:
        super().__init__(
            f"view {view.name} is a history, which a second read of a row does not mend: raise its revision, "
            "then `penstock views write` and `penstock views apply` fill it again"
        )


class AggregateWhole(TerminalError):
    """A group is counted from many rows."""

    def __init__(self, view: View) -> None:
        super().__init__(
            f"view {view.name} is an aggregate, which is counted again as a whole: `penstock views repair {view.name}`"
        )


class RowRejected(TerminalError):
    """The source row has no row in the view, and no reading gives it one."""

    def __init__(self, view: View, absence: Absence) -> None:
        super().__init__(
            f"{view.table} {absence.example} has no row in view {view.name}, nor can it have one: {absence.reason}; "
            "what the view held of it is gone, `penstock verify` counts it"
        )


def repair(
    workspace: Workspace, name: str, key: Sequence[str], *, on_progress: OnProgress, rate: int | None = None
) -> int:
    """Read the view's table again, or the one row of that primary key; return how many stale rows were removed.

    An aggregate is counted again, from a snapshot of its table.

    :param key: as one text, or a value for each column of it; empty for all rows.
    :param rate: at most so many rows a second, of all rows.
    :raises ViewUnknown, HistoryUnfit, AggregateWhole, ViewPaused, KeyUnfit, KeyTextInvalid: before anything happens.
    :raises ViewStopped: when it is stopped.
    :raises RowRejected: when all is done, and the one row cannot be in the view.
    """
    view = pick_view(workspace.views, name)
    workspace = workspace.of_view(name)
    if isinstance(view, History):
        raise HistoryUnfit(view)
    if isinstance(view, Aggregate):
        return _count_again(workspace, view, key, on_progress=on_progress)
    if not key:
        # A person who asks for it wants every row written, also those of a fill that was cut off.
        mark_progress(workspace.config, [view.name], None)
        removed = refill(workspace, [view], on_progress=on_progress, rate=rate)
        refuse_stopped(workspace.config, [view.name])
        return removed
    with connect(workspace.config) as connection:
        columns = read_live_table(connection, view.table).table.primary_key
        values = _values(view.table, columns, key)
        condition = _condition(connection, columns, values)
        with connection.cursor() as cursor:
            types = column_types(cursor, view.table)
    row = {name: canonical(types[name], value) for name, value in zip(columns, values, strict=True)}

    @cache
    def held() -> Mapping[str, str]:
        return _held(workspace, view)

    wanted = Wanted((view.table,), condition)
    removed = refill_rows(
        workspace, view, wanted, lambda each: _is_of_row(types, row, held(), each), on_progress=on_progress
    )
    _refuse_rejected(workspace, view, condition)
    return removed


def _held(workspace: Workspace, view: View) -> Mapping[str, str]:
    with local_spark(workspace.config) as spark:
        return PostgresRows(spark, workspace=workspace).held(view.name)


def _refuse_rejected(workspace: Workspace, view: View, condition: str) -> None:
    with local_spark(workspace.config) as spark:
        absences = PostgresRows(spark, workspace=workspace).absences(view.name, condition)
    if absences:
        raise RowRejected(view, absences[0])


def _count_again(workspace: Workspace, view: Aggregate, key: Sequence[str], *, on_progress: OnProgress) -> int:
    if key:
        raise AggregateWhole(view)
    refuse_paused(workspace.config, [view.name])
    return begin_again(workspace, view, on_progress=on_progress)


def _values(table: str, columns: Sequence[str], given: Sequence[str]) -> Sequence[str]:
    """Take one text that holds the whole key (penstock/keys/text.py), or one argument for each column."""
    if len(given) == 1:
        return read_key(given[0], len(columns))
    if len(columns) != len(given):
        raise KeyUnfit(table, columns, given)
    return given


def _is_of_row(types: Mapping[str, str], key: Mapping[str, Any], held: Mapping[str, str], row: Row) -> bool:
    """Return whether a row of the view may come from the source row.

    :param held: the column of the table that a column of the view is; any other shows nothing.
    """
    shown = [(column, row[name]) for name, column in held.items() if column in key and name in row]
    return all(canonical(types[column], value) == key[column] for column, value in shown)


def _condition(connection: Connection, columns: Sequence[str], key: Sequence[str]) -> str:
    """Write the condition that picks one row; a literal without a type takes the column's."""
    parts = [
        sql.SQL("{} = {}").format(sql.Identifier(column), sql.Literal(value))
        for column, value in zip(columns, key, strict=True)
    ]
    return sql.SQL(" AND ").join(parts).as_string(connection)
