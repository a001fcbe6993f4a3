"""The table of a view as `schemas/cassandra/<view>.cql` has it: read, written from the contract, held against it.

Derived are the columns and the order of the primary key (of a history all of it: a partition for each row of the
source). The rest is the user's and kept: what stands above the table and what follows its columns (WITH …).
So is the choice of the key's columns that are the partition's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cassandra.metadata import TableMetadata, protect_name

from penstock.errors import TerminalError

_OF_AVRO = {
    "string": "text",
    "int": "int",
    "long": "bigint",
    "boolean": "boolean",
    "float": "float",
    "double": "double",
    "bytes": "blob",
    "uuid": "uuid",
    "inet": "inet",
    "digits": "decimal",
    "decimal": "decimal",
    "date": "date",
    "timestamp-millis": "timestamp",
    "io.debezium.time.MicroTime": "time",
    "io.debezium.time.Interval": "duration",
}
"""The CQL type of each meaning that a contract gives a value (docs/types.md): Connect's, Avro's, or the type itself."""
_TABLE = re.compile(r"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(?P<name>[\w\"]+)\s*\(", re.IGNORECASE)
_KEY = re.compile(r"PRIMARY\s+KEY\s*\((?P<columns>.*)\)\s*\Z", re.IGNORECASE | re.DOTALL)
_NAME = re.compile(r'"((?:[^"]|"")+)"|(\w+)')
# Rows that end by themselves; tombstones that end before the records that could bring their rows back.
_TTL, _GRACE = "default_time_to_live", "gc_grace_seconds"
GRACE_AT_LEAST_S = 7 * 24 * 3600
"""The retention of the topics: a replay may bring a write back only while the tombstone that outranks it is kept."""

_OPTION = re.compile(rf"\b({_TTL}|{_GRACE})\s*=\s*(\d+)", re.IGNORECASE)
_INDENT = "    "
_HEAD = """\
-- View {view} ({file}). `penstock views write` keeps columns and key in step with the function; these lines, the
-- options and the choice of the partition key are yours. gc_grace_seconds must not be less than the retention of the
-- CDC and view topics (7 days): a replay may bring a write back only while the tombstone that outranks it is kept.
"""
_OPTIONS = " WITH {order}gc_grace_seconds = 864000;\n"


class CqlFileUnclear(TerminalError):
    """A table file cannot be understood."""

    def __init__(self, file: str, problem: str) -> None:
        self.problem = f"{problem}; it must hold one CREATE TABLE with a PRIMARY KEY line"
        super().__init__(f"{file}: {self.problem}")


@dataclass(frozen=True)
class TableShape:
    """What counts of a table: the columns with their CQL types, in any order, and the primary key in its order.

    :param partition: the columns of the key that name a partition; None leaves them to the writer of the table.
    """

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    partition: tuple[str, ...] | None = field(default=None, compare=False)
    options: Mapping[str, int] = field(default_factory=dict, compare=False)


def shape_of_table(table: TableMetadata) -> TableShape:
    """Read the shape of a table as Cassandra has it."""
    columns = {column.name: column.cql_type.replace(" ", "") for column in table.columns.values()}
    key, partition = ([column.name for column in part] for part in (table.primary_key, table.partition_key))
    options = {name: int(table.options[name]) for name in (_TTL, _GRACE) if name in table.options}
    return TableShape(table.name, columns, tuple(key), tuple(partition), options)


def cql_type(avro: Any) -> str:
    """Name the CQL type that holds an Avro type of the contract."""
    if isinstance(avro, list):
        return cql_type(next(branch for branch in avro if branch != "null"))
    if not isinstance(avro, dict):
        return _OF_AVRO[avro]
    if avro["type"] == "array":
        # An empty list that is not frozen is NULL in Cassandra.
        return f"frozen<list<{cql_type(avro['items'])}>>"
    return _OF_AVRO[avro.get("connect.name") or avro.get("logicalType") or avro["type"]]


def new_table(shape: TableShape, *, view_file: str) -> str:
    """Write a table file from nothing; of a row view or an aggregate the first column of the key is the partition's."""
    newest_first = "" if shape.partition is None else f"CLUSTERING ORDER BY ({shape.key[-1]} DESC) AND "
    options = _OPTIONS.format(order=newest_first)
    return f"{_HEAD.format(view=shape.name, file=view_file)}{_statement(shape, _key_clause(shape))}{options}"


def rewritten_table(text: str, shape: TableShape, *, file: str) -> str:
    """Bring a table file in step; one that is stays to the letter.

    :raises CqlFileUnclear: when it holds no table.
    """
    found = _find(text, file)
    there = _shape(found, file)
    if not any(differences(there, shape)):
        return text
    keeps = there.key == shape.key and shape.partition in (None, there.partition)
    key = found.key_clause if keeps else _key_clause(shape)
    return text[: found.start] + _statement(shape, key) + text[found.end :]


def read_shape(path: Path) -> TableShape:
    """Read a table file.

    :raises CqlFileUnclear: when it holds no table.
    """
    text = path.read_text(encoding="utf-8")
    return _shape(_find(text, str(path)), str(path))


@dataclass(frozen=True)
class Difference:
    """One thing in which a table is not as the contract wants it; `what` says it to people."""

    what: str


@dataclass(frozen=True)
class ColumnLacking(Difference):
    """The table lacks a column, which can be added."""


@dataclass(frozen=True)
class ColumnExtra(Difference):
    """The table has a column that the view does not have."""

    column: str


def differences(found: TableShape, wanted: TableShape) -> Iterator[Difference]:
    """Say in what a table is not as the contract wants it."""
    if found.name != wanted.name:
        yield Difference(f"creates table {found.name}, not {wanted.name}")
    for name in [*wanted.columns, *(column for column in found.columns if column not in wanted.columns)]:
        here, there = found.columns.get(name), wanted.columns.get(name)
        if here is None:
            yield ColumnLacking(f"lacks column {name} {there}")
        elif there is None:
            yield ColumnExtra(f"has column {name} {here}, which the view does not have", name)
        elif here != there:
            yield Difference(f"has column {name} as {here}; the view's contract wants {there}")
    if found.key != wanted.key:
        keys = (", ".join(shape.key) for shape in (found, wanted))
        yield Difference("has the primary key ({}); the view's is ({})".format(*keys))
    elif wanted.partition not in (None, found.partition):
        yield Difference(f"has the primary key {_key_clause(found)}; a history's is {_key_clause(wanted)}")


def refused_options(found: TableShape) -> Iterator[tuple[str, str]]:
    """Say which options of a table make rows vanish or come back: what is wrong, and the option as it should be."""
    if found.options.get(_TTL):
        lost = "rows vanish that Postgres has"
        yield f"has {_TTL} = {found.options[_TTL]}: {lost}", f"{_TTL} = 0"
    if found.options.get(_GRACE, GRACE_AT_LEAST_S) < GRACE_AT_LEAST_S:
        less = f"less than the {GRACE_AT_LEAST_S} s that records are kept: a replay could bring deleted rows back"
        yield f"has {_GRACE} = {found.options[_GRACE]}, {less}", f"{_GRACE} = 864000"


def _key_clause(shape: TableShape) -> str:
    partition = shape.partition or shape.key[:1]
    rest = [protect_name(name) for name in shape.key[len(partition) :]]
    together = ", ".join(map(protect_name, partition))
    return f"({', '.join([f'({together})', *rest])})" if rest or len(partition) > 1 else f"({together})"


def _statement(shape: TableShape, key: str) -> str:
    names = {column: protect_name(column) for column in shape.columns}
    width = max(map(len, names.values()))
    lines = [f"{_INDENT}{names[column].ljust(width)} {kind}," for column, kind in shape.columns.items()]
    body = "\n".join([*lines, f"{_INDENT}PRIMARY KEY {key}"])
    return f"CREATE TABLE IF NOT EXISTS {protect_name(shape.name)} (\n{body}\n)"


@dataclass(frozen=True)
class _Found:
    """One CREATE TABLE in a text: where it stands, and its definitions."""

    start: int
    end: int
    name: str
    columns: tuple[str, ...]
    key_clause: str
    options: Mapping[str, int]


def _find(text: str, file: str) -> _Found:
    # Comments become blanks of the same length, so that places stay places of the text.
    plain = re.sub(r"--[^\n]*|//[^\n]*|/\*.*?\*/", lambda match: " " * len(match[0]), text, flags=re.DOTALL)
    opened = _TABLE.search(plain)
    if opened is None:
        raise CqlFileUnclear(file, "no CREATE TABLE")
    parts, end = _definitions(plain, opened.end())
    keys = [match for match in map(_KEY.match, parts) if match]
    if len(keys) != 1:
        raise CqlFileUnclear(file, f"{len(keys)} PRIMARY KEY clauses")
    columns = tuple(part for part in parts if not _KEY.match(part))
    options = {name.lower(): int(value) for name, value in _OPTION.findall(plain[end:].split(";")[0])}
    return _Found(opened.start(), end, _unquoted(opened["name"]), columns, f"({keys[0]['columns']})", options)


def _shape(found: _Found, file: str) -> TableShape:
    columns = {}
    for part in found.columns:
        name = _NAME.match(part)
        if name is None:
            raise CqlFileUnclear(file, f"`{part}` is no column")
        columns[_unquoted(name[0])] = re.sub(r"\s+", "", part[name.end() :]).lower()
    names = _names(found.key_clause)
    inner = re.match(r"\(\s*(\([^)]*\))", found.key_clause)
    partition = _names(inner[1]) if inner else names[:1]
    return TableShape(found.name, columns, names, partition, found.options)


def _definitions(text: str, start: int) -> tuple[list[str], int]:
    """Split what stands between a table's parentheses at its outer commas; say where they end."""
    parts, depth, begin = [], 0, start
    for at in range(start, len(text)):
        if text[at] in "(<":
            depth += 1
        elif depth == 0 and text[at] in ",)":
            parts.append(text[begin:at].strip())
            begin = at + 1
            if text[at] == ")":
                return [part for part in parts if part], at + 1
        elif text[at] in ")>":
            depth -= 1
    return parts, len(text)


def _names(key_clause: str) -> tuple[str, ...]:
    return tuple(_unquoted(match[0]) for match in _NAME.finditer(key_clause))


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()
