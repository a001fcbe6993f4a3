"""`views repair`: make a view's table right again, whole or what comes from one source row."""

from __future__ import annotations

from collections.abc import Sequence

from penstock_views.declare import View
from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from penstock.config import Config
from penstock.errors import TerminalError
from penstock.views.catalogue import connect, read_live_table
from penstock.views.load import pick_view, views_of
from penstock.views.refill import refill, refill_rows
from penstock.views.reread import OnProgress, Wanted


class KeyUnfit(TerminalError):
    """What was given is no primary key of the table."""

    def __init__(self, table: str, key: Sequence[str], given: Sequence[str]) -> None:
        super().__init__(
            f"{table} has the primary key ({', '.join(key)}): give {len(key)} value(s) in this order, not {len(given)}"
        )


class KindUnfit(TerminalError):
    """A view of this kind cannot be read again."""

    def __init__(self, view: View) -> None:
        kind = type(view).__name__.lower()
        super().__init__(
            f"view {view.name} is of the kind {kind}, which a second read of a row does not mend: raise its revision, "
            "then `penstock views write` and `penstock views apply` fill it anew"
        )


def repair(config: Config, name: str, key: Sequence[str], *, on_progress: OnProgress) -> int:
    """Read the view's table again, or the one row of that primary key; return how many stale rows were removed.

    :raises ViewUnknown, KindUnfit, KeyUnfit: before anything happens.
    """
    view = pick_view(views_of(config), name)
    if type(view) is not View:
        raise KindUnfit(view)
    if not key:
        return refill(config, [view], on_progress=on_progress)
    with connect(config) as connection:
        columns = read_live_table(connection, view.table).table.primary_key
        if len(columns) != len(key):
            raise KeyUnfit(view.table, columns, key)
        wanted = Wanted((view.table,), _condition(connection, columns, key))
    return refill_rows(config, view, wanted, dict(zip(columns, key, strict=True)), on_progress=on_progress)


def _condition(connection: Connection, columns: Sequence[str], key: Sequence[str]) -> str:
    """Write the condition that picks one row; a literal without a type takes the column's."""
    parts = [
        sql.SQL("{} = {}").format(sql.Identifier(column), sql.Literal(value))
        for column, value in zip(columns, key, strict=True)
    ]
    return sql.SQL(" AND ").join(parts).as_string(connection)
