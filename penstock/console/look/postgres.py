"""The source database: replication slots, what is written to the source tables, what is published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg2
from psycopg2.extras import RealDictCursor

from penstock.config import Config
from penstock.console.look.reading import Reading
from penstock.console.look.sampler import Sampler
from penstock.keys.types import BASE_TYPE
from penstock.names import of_source
from penstock.postgres.connection import CONSOLE, LOOK, open_connection
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

    :param away: the further source databases that do not answer, and why; their tables are those of before.
    """

    version: str
    lsn: str
    connections: int
    slots: tuple[Slot, ...]
    tables: tuple[SourceTable, ...]
    away: Mapping[str, str] = field(default_factory=dict)

    @property
    def tables_now(self) -> tuple[SourceTable, ...]:
        """The tables of the databases that answer."""
        away = tuple(of_source(source, "") for source in self.away)
        return tuple(table for table in self.tables if not table.name.startswith(away))

    def beside(self, source: str, reading: Reading[PostgresState]) -> PostgresState:
        """Return it with what a further source database has: its tables by their names with the source's."""
        trouble, other = reading.trouble, reading.value
        tables = [replace(table, name=of_source(source, table.name)) for table in other.tables] if other else []
        known = {slot.name for slot in self.slots}
        slots = [slot for slot in other.slots if slot.name not in known] if other and not trouble else []
        away = {**self.away, source: trouble} if trouble else self.away
        return replace(self, slots=(*self.slots, *slots), tables=(*self.tables, *tables), away=away)


class SourcesCollector:
    """Looks at each source database in use, at further ones in threads of their own: a silent one holds up no other."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._first = PostgresCollector(config.of_source(""))
        self._further: dict[str, Sampler[PostgresState]] = {}

    def collect(self) -> PostgresState:
        """Look at all of them; raises PostgresUnreachable, or psycopg2's errors, where the first one is away."""
        self._follow({config.source: config for config in sources_of(self._config) if config.source})
        state = self._first.collect()
        for source, sampler in self._further.items():
            state = state.beside(source, sampler.reading)
        return state

    def _follow(self, further: Mapping[str, Config]) -> None:
        for gone in self._further.keys() - further.keys():
            self._further.pop(gone).stop()
        for source in further.keys() - self._further.keys():
            look = PostgresCollector(further[source]).collect
            self._further[source] = Sampler(f"Postgres of {source}", look, interval_s=1, stale_after_s=3)
            self._further[source].start()


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
