"""The table of a view as `schemas/cassandra/<view>.cql` has it: read, written from the contract, held against it.

Derived are the columns and the order of the primary key. What stands above the table, what follows its columns (WITH …)
and which columns of the key are the partition's are the user's, and kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cassandra.metadata import TableMetadata, protect_name

from penstock.errors import TerminalError

ROW_VERSION = "row_version"
_OF_AVRO = {
    "uuid": "uuid",
    "string": "text",
    "int": "int",
    "long": "bigint",
    "boolean": "boolean",
    "double": "double",
    "decimal": "decimal",
    "date": "date",
    "timestamp-millis": "timestamp",
}
_TABLE = re.compile(r"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(?P<name>[\w\"]+)\s*\(", re.IGNORECASE)
_KEY = re.compile(r"PRIMARY\s+KEY\s*\((?P<columns>.*)\)\s*\Z", re.IGNORECASE | re.DOTALL)
_NAME = re.compile(r'"((?:[^"]|"")+)"|(\w+)')
_INDENT = "    "
_HEAD = """\
-- View {view} ({file}). `penstock views write` keeps columns and key in step with the function; these lines, the
-- options and the choice of the partition key are yours. gc_grace_seconds must not be less than the retention of the
-- CDC and view topics (7 days): a replay may bring a write back only while the tombstone that outranks it is kept.
"""
_OPTIONS = " WITH gc_grace_seconds = 864000;\n"


class CqlFileUnclear(TerminalError):
    """A table file cannot be understood."""

    def __init__(self, file: str, problem: str) -> None:
        super().__init__(f"{file}: {problem}; it must hold one CREATE TABLE with a PRIMARY KEY line")


@dataclass(frozen=True)
class TableShape:
    """What counts of a table: the columns with their CQL types, in any order, and the primary key in its order."""

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]


def shape_of(view: str, value: Mapping[str, Any], key: Mapping[str, Any]) -> TableShape:
    """Derive the table from the contracts of a view.

    :param value, key: the Avro schemas.
    """
    columns = {field["name"]: cql_type(field["type"]) for field in value["fields"]}
    return TableShape(view, {**columns, ROW_VERSION: "bigint"}, tuple(field["name"] for field in key["fields"]))


def shape_of_table(table: TableMetadata) -> TableShape:
    """Read the shape of a table as Cassandra has it."""
    columns = {column.name: column.cql_type.replace(" ", "") for column in table.columns.values()}
    return TableShape(table.name, columns, tuple(column.name for column in table.primary_key))


def cql_type(avro: Any) -> str:
    """Name the CQL type that holds an Avro type of the contract."""
    if isinstance(avro, list):
        return cql_type(next(branch for branch in avro if branch != "null"))
    return _OF_AVRO[str(avro.get("logicalType", avro["type"]) if isinstance(avro, dict) else avro)]


def new_table(shape: TableShape, *, view_file: str) -> str:
    """Write a table file from nothing; the first column of the key is the partition's."""
    partition, *rest = map(protect_name, shape.key)
    key = f"({', '.join([f'({partition})', *rest])})" if rest else f"({partition})"
    return f"{_HEAD.format(view=shape.name, file=view_file)}{_statement(shape, key)}{_OPTIONS}"


def rewritten_table(text: str, shape: TableShape, *, file: str) -> str:
    """Bring a table file in step; one that is stays to the letter.

    :raises CqlFileUnclear: when it holds no table.
    """
    found = _find(text, file)
    if _shape(found, file) == shape:
        return text
    key = found.key_clause if _names(found.key_clause) == shape.key else None
    if key is None:
        partition, *rest = map(protect_name, shape.key)
        key = f"({', '.join([f'({partition})', *rest])})" if rest else f"({partition})"
    return text[: found.start] + _statement(shape, key) + text[found.end :]


def read_shape(path: Path) -> TableShape:
    """Read a table file.

    :raises CqlFileUnclear: when it holds no table.
    """
    text = path.read_text(encoding="utf-8")
    return _shape(_find(text, str(path)), str(path))


def differences(found: TableShape, wanted: TableShape) -> Iterator[str]:
    """Say in what a table is not as the contract wants it."""
    if found.name != wanted.name:
        yield f"creates table {found.name}, not {wanted.name}"
    for name in [*wanted.columns, *(column for column in found.columns if column not in wanted.columns)]:
        here, there = found.columns.get(name), wanted.columns.get(name)
        if here is None:
            yield f"lacks column {name} {there}"
        elif there is None:
            yield f"has column {name} {here}, which the view does not have"
        elif here != there:
            yield f"has column {name} as {here}; the view's contract wants {there}"
    if found.key != wanted.key:
        yield f"has the primary key ({', '.join(found.key)}); the view's is ({', '.join(wanted.key)})"


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
    return _Found(opened.start(), end, _unquoted(opened["name"]), columns, f"({keys[0]['columns']})")


def _shape(found: _Found, file: str) -> TableShape:
    columns = {}
    for part in found.columns:
        name = _NAME.match(part)
        if name is None:
            raise CqlFileUnclear(file, f"`{part}` is no column")
        columns[_unquoted(name[0])] = re.sub(r"\s+", "", part[name.end() :]).lower()
    return TableShape(found.name, columns, _names(found.key_clause))


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
