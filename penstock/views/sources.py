"""The source tables of the views: from the live catalogue when Postgres answers, else from `schemas/postgres`."""

from __future__ import annotations

from collections.abc import Sequence

from penstock_views.declaration.views import View
from penstock_views.types.tables import Table, TableUnknown, excluding, read_table

from penstock.config import Config
from penstock.errors import TerminalError
from penstock.excluded import Excluded
from penstock.postgres.catalogue import LiveTable, TableMissing, read_live_table
from penstock.postgres.connection import PostgresUnreachable, connect
from penstock.project.folders import Project


class TableUntold(TerminalError):
    """Neither the database nor a file tells what a table is."""

    def __init__(self, table: str) -> None:
        super().__init__(
            f"table {table} is in no file of schemas/postgres and Postgres does not answer; "
            "start it (`penstock up`), then ask again"
        )


def live_tables(config: Config, views: Sequence[View]) -> dict[str, LiveTable | TableMissing] | None:
    """Read every table of the views from the catalogue; None when Postgres does not answer."""
    found: dict[str, LiveTable | TableMissing] = {}
    try:
        with connect(config) as connection:
            for name in sorted({view.table for view in views}):
                try:
                    found[name] = read_live_table(connection, name)
                except TableMissing as exc:
                    found[name] = exc
    except PostgresUnreachable:
        return None
    return found


def table_of(
    project: Project, live: dict[str, LiveTable | TableMissing] | None, name: str, excluded: Excluded
) -> Table:
    """Return what a view can use of a table.

    :raises TableMissing: the database has none.
    :raises TableUntold: nobody can tell.
    """
    if live is None:
        try:
            return excluding(read_table(project.postgres, name), excluded.of(name))
        except TableUnknown as exc:
            raise TableUntold(name) from exc
    found = live[name]
    if isinstance(found, TableMissing):
        raise found
    return found.table
