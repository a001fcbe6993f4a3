"""The source database: replication slots, what is written to the source tables, what is published."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import psycopg2
from psycopg2.extras import RealDictCursor

from penstock.config import Config
from penstock.keys.types import BASE_TYPE
from penstock.names import of_source
from penstock.postgres.connection import CONSOLE, LOOK, PostgresUnreachable, open_connection
from penstock.postgres.slot import Slot, read_slots
from penstock.project.folders import sources_of

_TABLES = f"""
    SELECT s.schemaname || '.' || s.relname AS name, n_live_tup AS rows, n_tup_ins AS inserted, n_tup_upd AS updated,
           n_tup_del AS deleted, pg_total_relation_size(s.relid) AS bytes,
           ARRAY(SELECT a.attname::text FROM pg_index i, unnest(i.indkey) WITH ORDINALITY k (number, place)
                 JOIN pg_attribute a ON a.attrelid = s.relid AND a.attnum = k.number
                 WHERE i.indrelid = s.relid AND i.indisprimary AND a.attrelid = i.indrelid AND k.place <= i.indnkeyatts
                 ORDER BY k.place) AS key,
           ARRAY(SELECT {BASE_TYPE} FROM pg_index i, unnest(i.indkey) WITH ORDINALITY k (number, place)
                 JOIN pg_attribute a ON a.attrelid = s.relid AND a.attnum = k.number
                 WHERE i.indrelid = s.relid AND i.indisprimary AND a.attrelid = i.indrelid AND k.place <= i.indnkeyatts
                 ORDER BY k.place) AS types
    FROM pg_stat_user_tables s JOIN pg_publication_tables p ON (p.schemaname, p.tablename) = (s.schemaname, s.relname)
    GROUP BY s.schemaname, s.relname, n_live_tup, n_tup_ins, n_tup_upd, n_tup_del, s.relid ORDER BY 1
"""  # noqa: S608 - an expression of ours


@dataclass(frozen=True)
class SourceTable:
    """A published table; `changes` counts rows inserted, updated and deleted since the statistics began.

    :param primary_key: its columns in order; empty when it has none.
    :param key_types: their types.
    """

    name: str
    rows: int
    changes: int
    bytes: int
    primary_key: tuple[str, ...] = ()
    key_types: tuple[str, ...] = ()


@dataclass(frozen=True)
class PostgresState:
    """The database at one moment.

    :param away: the further source databases that do not answer, each with the reason.
    """

    version: str
    lsn: str
    connections: int
    slots: tuple[Slot, ...]
    tables: tuple[SourceTable, ...]
    away: tuple[str, ...] = ()

    def beside(self, source: str, other: PostgresState) -> PostgresState:
        """Return it with what a further source database has: its tables by their names with the source's."""
        known = {slot.name for slot in self.slots}
        tables = (replace(table, name=of_source(source, table.name)) for table in other.tables)
        slots = (slot for slot in other.slots if slot.name not in known)
        return replace(self, slots=(*self.slots, *slots), tables=(*self.tables, *tables))


class SourcesCollector:
    """Looks at each source database in use; one that is away takes no other along."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._collectors: dict[str, PostgresCollector] = {}

    def collect(self) -> PostgresState:
        """Look at all of them; raises PostgresUnreachable, or psycopg2's errors, where the first one is away."""
        first, *further = sources_of(self._config)
        state = self._of(first).collect()
        for config in further:
            try:
                state = state.beside(config.source, self._of(config).collect())
            except (psycopg2.Error, PostgresUnreachable) as exc:
                state = replace(state, away=(*state.away, f"source {config.source}: {_first_line(exc)}"))
        return state

    def _of(self, config: Config) -> PostgresCollector:
        return self._collectors.setdefault(config.source, PostgresCollector(config))


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


class PostgresCollector:
    """Keeps one connection, and opens a new one after any error."""

    def __init__(self, config: Config) -> None:
        self._dsn = config.reading.database.dsn
        self._connection: Any = None

    def collect(self) -> PostgresState:
        """Look at the database; raises PostgresUnreachable, or psycopg2's errors."""
        try:
            return self._look()
        except psycopg2.Error:
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            raise

    def _look(self) -> PostgresState:
        if self._connection is None:
            self._connection = open_connection(
                self._dsn, limits=LOOK, application_name=CONSOLE, cursor_factory=RealDictCursor
            )
            self._connection.autocommit = True
        with self._connection.cursor() as cursor:
            about = _rows(
                cursor, "SELECT current_setting('server_version') AS version, pg_current_wal_lsn()::text AS lsn"
            )
            users = _rows(cursor, "SELECT count(*) AS n FROM pg_stat_activity WHERE backend_type = 'client backend'")
            tables = [_table(row) for row in _rows(cursor, _TABLES)]
        slots = read_slots(self._connection)
        return PostgresState(about[0]["version"], about[0]["lsn"], users[0]["n"], slots, tuple(tables))


def _table(row: dict[str, Any]) -> SourceTable:
    changes = row["inserted"] + row["updated"] + row["deleted"]
    return SourceTable(row["name"], row["rows"], changes, row["bytes"], tuple(row["key"]), tuple(row["types"]))


def _rows(cursor: Any, query: str) -> list[dict[str, Any]]:
    cursor.execute(query)
    return [dict(row) for row in cursor.fetchall()]
