"""Reads the source tables from `schemas/postgres/*.sql`, so that views can be typed with nothing running.

It understands CREATE TABLE, nothing more: a running job takes its types from the writer schemas instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import types as T

from penstock.errors import TerminalError
from penstock_views.canonical import field_from_postgres

_COMMENT_OR_TEXT = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", re.DOTALL)
_CREATE = re.compile(r"create\s+table\s+(?:if\s+not\s+exists\s+)?([\w.\"]+)\s*\(", re.IGNORECASE)
_CONSTRAINT = re.compile(r"(constraint|primary\s+key|unique|check|foreign\s+key|exclude|like)\b", re.IGNORECASE)
_TABLE_KEY = re.compile(r"(?:constraint\s+\w+\s+)?primary\s+key\s*\(([^)]*)\)", re.IGNORECASE)
_AFTER_TYPE = re.compile(
    r"\b(not\s+null|null|primary\s+key|default|unique|references|check|constraint|generated|collate)\b", re.IGNORECASE
)


class TableUnknown(TerminalError):
    """A view names a table that no SQL file creates."""

    def __init__(self, table: str, folder: Path) -> None:
        super().__init__(
            f"table {table}: no CREATE TABLE {table} in {folder}/*.sql; write it there or correct the view"
        )


@dataclass(frozen=True)
class Table:
    """A source table: the canonical columns that views can use, and its primary key."""

    name: str
    columns: T.StructType
    primary_key: tuple[str, ...]


def read_table(folder: Path, name: str) -> Table:
    """Read one table's DDL.

    :param folder: holds `*.sql`.
    :param name: `schema.table`.
    :raises TableUnknown: when no file creates it.
    """
    for file in sorted(folder.glob("*.sql")):
        sql = _COMMENT_OR_TEXT.sub(" ", file.read_text())
        for match in _CREATE.finditer(sql):
            if match[1].replace('"', "").lower() == name:
                return _table(name, list(_definitions(sql, match.end())))
    raise TableUnknown(name, folder)


def _table(name: str, definitions: list[str]) -> Table:
    columns = [definition for definition in definitions if not _CONSTRAINT.match(definition)]
    keys = [_column_name(column) for column in columns if re.search(r"\bprimary\s+key\b", column, re.IGNORECASE)]
    for match in filter(None, map(_TABLE_KEY.match, definitions)):
        keys = [part.strip().strip('"') for part in match[1].split(",")]
    fields = [field_from_postgres(_column_name(column), _column_type(column)) for column in columns]
    return Table(name, T.StructType([field for field in fields if field]), tuple(keys))


def _column_name(definition: str) -> str:
    return definition.split(None, 1)[0].strip('"')


def _column_type(definition: str) -> str:
    return _AFTER_TYPE.split(definition.split(None, 1)[1], maxsplit=1)[0]


def _definitions(sql: str, start: int) -> Iterator[str]:
    """Split what stands between the table's parentheses at its outer commas."""
    depth, begin = 0, start
    for at in range(start, len(sql)):
        if sql[at] == "(":
            depth += 1
        elif (sql[at] == "," and depth == 0) or (sql[at] == ")" and depth == 0):
            yield sql[begin:at].strip()
            begin = at + 1
            if sql[at] == ")":
                return
        elif sql[at] == ")":
            depth -= 1
