"""The source tables of the views: from the live catalogue when Postgres answers, else from `schemas/postgres`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from penstock_views.declaration.views import View
from penstock_views.types.tables import Table, TableUnknown, excluding, read_table

from penstock.config import Config
from penstock.errors import TerminalError
from penstock.postgres.catalogue import LiveTable, TableMissing, read_live_table
from penstock.postgres.connection import PostgresUnreachable, connect
from penstock.project.folders import Project


class TableUndefined(TerminalError):
    """Neither the database nor a file says what a table is."""

    def __init__(self, table: str) -> None:
        super().__init__(
            f"table {table} is in no file of schemas/postgres and Postgres does not answer; "
            "start it (`penstock up`), then ask again"
        )


Live = Mapping[str, LiveTable | TableMissing]
"""What the catalogue of a source says of its tables, by name."""


def live_tables(config: Config, views: Sequence[View]) -> dict[str, Live | None]:
    """Read every table of the views from the catalogue of its source; None of a source that does not answer."""
    sources = {name: [view for view in views if view.source == name] for name in ("", *(view.source for view in views))}
    return {name: _live_tables(config.of_source(name), of_source) for name, of_source in sources.items()}


def _live_tables(config: Config, views: Sequence[View]) -> Live | None:
    found: dict[str, LiveTable | TableMissing] = {}
    try:
        with connect(config.reading) as connection:
            for name in sorted({view.table for view in views}):
                try:
                    found[name] = read_live_table(connection, name)
                except TableMissing as exc:
                    found[name] = exc
    except PostgresUnreachable:
        return None
    return found


def table_of(config: Config, live: Mapping[str, Live | None], view: View) -> Table:
    """Return what a view can use of its table.

    :raises TableMissing: the database has none.
    :raises TableUndefined: neither knows it.
    """
    known = live[view.source]
    if known is None:
        if view.source:
            raise TableUndefined(view.source_table)
        try:
            return excluding(read_table(Project.of(config).postgres, view.table), config.excluded.of(view.table))
        except TableUnknown as exc:
            raise TableUndefined(view.table) from exc
    found = known[view.table]
    if isinstance(found, TableMissing):
        raise found
    return found.table
