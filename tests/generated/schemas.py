"""Tables as other people make them, and what happens to them, from a seed: the same seed makes the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.generated.kinds import KINDS, Kind

SCHEMAS = ("generated_a", "generated_b")
_TABLE_NAMES = ("orders", "order_items", "Order Items", "AuditLog", "select", "class", "t2024", "größe", "a-b", "Users")
_COLUMN_NAMES = (
    *(
        "id",
        "name",
        "email",
        "created_at",
        "value",
        "type",
        "order",
        "class",
        "row",
        "key",
        "token",
        "AlbumId",
        "userId",
    ),
    *(
        "postal code",
        "from",
        "lambda",
        "a_rather_long_name_of_a_column_that_is_still_short_enough",
        "x1",
        "_private",
        "op",
    ),
)

Statement = tuple[str, tuple[Any, ...]]


def quoted(name: str) -> str:
    """Quote a name for SQL."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class Column:
    """A column; `default` is SQL; one that is `generated` from another is written by no statement."""

    name: str
    kind: Kind
    is_required: bool = False
    default: str | None = None
    generated: str | None = None

    @property
    def ddl(self) -> str:
        """It as CREATE TABLE has it."""
        more = " NOT NULL" if self.is_required else ""
        more += f" DEFAULT {self.default}" if self.default else ""
        more += f" GENERATED ALWAYS AS ({self.generated}) STORED" if self.generated else ""
        return f"{quoted(self.name)} {self.kind.sql}{more}"


@dataclass(frozen=True)
class Table:
    """A table with a primary key."""

    schema: str
    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    is_partitioned: bool = False

    @property
    def full_name(self) -> str:
        """Its name as the catalogue spells it."""
        return f"{self.schema}.{self.name}"

    @property
    def sql_name(self) -> str:
        """Its name as SQL takes it."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    @property
    def written(self) -> tuple[Column, ...]:
        """The columns that a statement can write."""
        return tuple(column for column in self.columns if column.generated is None)

    @property
    def ddl(self) -> str:
        """The statements that make it."""
        key = ", ".join(map(quoted, self.key))
        body = ", ".join([*(column.ddl for column in self.columns), f"PRIMARY KEY ({key})"])
        if not self.is_partitioned:
            return f"CREATE TABLE {self.sql_name} ({body})"
        made = f"CREATE TABLE {self.sql_name} ({body}) PARTITION BY HASH ({quoted(self.key[0])})"
        for rest in range(2):
            part = f"{quoted(self.schema)}.{quoted(f'{self.name}_{rest}')}"
            made += f"; CREATE TABLE {part} PARTITION OF {self.sql_name} FOR VALUES WITH (MODULUS 2, REMAINDER {rest})"
        return made


def make_tables(rng: Random, count: int) -> list[Table]:
    """Make tables, each name in a schema once."""
    names = rng.sample([(schema, name) for schema in SCHEMAS for name in _TABLE_NAMES], count)
    return [_make_table(rng, schema, name) for schema, name in names]


def _make_table(rng: Random, schema: str, name: str) -> Table:
    names = rng.sample(_COLUMN_NAMES, rng.randrange(2, 10))
    keys = rng.sample(names, rng.choice([1, 1, 1, 2, min(3, len(names))]))
    columns = [_make_column(rng, each, is_key=each in keys) for each in names]
    if rng.random() < 0.3:
        base = rng.choice(columns)
        generated = Column(
            "computed", KINDS[8], generated=f"CASE WHEN {quoted(base.name)} IS NULL THEN 'a' ELSE 'b' END"
        )
        columns.insert(rng.randrange(len(columns) + 1), generated)
    return Table(schema, name, tuple(columns), tuple(keys), is_partitioned=rng.random() < 0.2)


def _make_column(rng: Random, name: str, *, is_key: bool) -> Column:
    kind = rng.choice([each for each in KINDS if each.may_be_key or not is_key])
    default = _literal(kind, kind.make(rng)) if rng.random() < 0.3 else None
    return Column(name, kind, is_required=not is_key and rng.random() < 0.3, default=default)


def _literal(kind: Kind, text: str) -> str:
    return "'" + text.replace("'", "''") + f"'::{kind.sql}"


@dataclass
class Life:
    """What happens to tables: rows come, change, move to another key and go."""

    rng: Random
    tables: Sequence[Table]
    rows: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)

    def inserts(self, count: int) -> Iterator[Statement]:
        """Make rows for each table."""
        for table in self.tables:
            for _ in range(count):
                yield self._insert(table)

    def changes(self, count: int) -> Iterator[Statement]:
        """Make changes of rows that may be there."""
        for _ in range(count):
            table = self.rng.choice(self.tables)
            make = self.rng.choice([self._insert, self._update, self._update, self._move, self._delete])
            yield make(table)

    def _insert(self, table: Table) -> Statement:
        columns = [c for c in table.written if c.name in table.key or c.is_required or self.rng.random() < 0.8]
        values = {column.name: self._value(table, column) for column in columns}
        self.rows.setdefault(table.full_name, []).append(tuple(str(values[name]) for name in table.key))
        names = ", ".join(quoted(column.name) for column in columns)
        marks = ", ".join(f"%s::{column.kind.sql}" for column in columns)
        return f"INSERT INTO {table.sql_name} ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING", tuple(values.values())

    def _update(self, table: Table) -> Statement:
        free = [column for column in table.written if column.name not in table.key]
        if not free:
            return self._insert(table)
        column = self.rng.choice(free)
        return self._set(table, column, self._value(table, column))

    def _move(self, table: Table) -> Statement:
        name = self.rng.choice(table.key)
        column = next(column for column in table.written if column.name == name)
        return self._set(table, column, column.kind.make(self.rng))

    def _set(self, table: Table, column: Column, value: str | None) -> Statement:
        where, key = self._where(table)
        return f"UPDATE {table.sql_name} SET {quoted(column.name)} = %s::{column.kind.sql} WHERE {where}", (value, *key)

    def _delete(self, table: Table) -> Statement:
        where, key = self._where(table)
        return f"DELETE FROM {table.sql_name} WHERE {where}", key

    def _where(self, table: Table) -> tuple[str, tuple[str, ...]]:
        kinds = {column.name: column.kind for column in table.columns}
        key = self.rng.choice(self.rows[table.full_name])
        return " AND ".join(f"{quoted(name)} = %s::{kinds[name].sql}" for name in table.key), key

    def _value(self, table: Table, column: Column) -> str | None:
        """Make a value; NULL, also where the column has a default."""
        may_be_null = not column.is_required and column.name not in table.key
        return None if may_be_null and self.rng.random() < 0.2 else column.kind.make(self.rng)


_LINE = re.compile(r"^ {8}(?:\*\*\{\"(\w+)\": |(\w+)=)(?:\w+\()?r(?:\.(\w+)|\[(\"(?:[^\"\\]|\\.)*\")\])", re.MULTILINE)


def columns_of_view(text: str) -> dict[str, str]:
    """Read which column of the table each column of a view is, from the file that `views new` wrote."""
    return {one or other: plain or json.loads(literal) for one, other, plain, literal in _LINE.findall(text)}
