"""Reads the source tables from `schemas/postgres/*.sql`, so that views can be typed with nothing running.

It understands CREATE TABLE, enums and domains, nothing more: a running job takes its types from the writer schemas.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pyspark.sql import types as T

from penstock.errors import TerminalError
from penstock.excluded import WHY
from penstock_views.types.canonical import UNUSABLE, field_from_postgres, is_built_in

_QUOTED = r'"(?:[^"]|"")+"'
_NAME = re.compile(rf"{_QUOTED}|[\w$]+")
_COMMENT_OR_TEXT = re.compile(rf"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|(?P<kept>{_QUOTED})", re.DOTALL)
_CREATE = re.compile(
    rf"create\s+table\s+(?:if\s+not\s+exists\s+)?((?:{_NAME.pattern})(?:\.(?:{_NAME.pattern}))?)\s*\(", re.IGNORECASE
)
_CONSTRAINT = re.compile(r"(constraint|primary\s+key|unique|check|foreign\s+key|exclude|like)\b", re.IGNORECASE)
_TABLE_KEY = re.compile(r"(?:constraint\s+\w+\s+)?primary\s+key\s*\(([^)]*)\)", re.IGNORECASE)
_CREATE_TYPE = re.compile(
    r"create\s+(?:type\s+(?P<enum>[\w.\"]+)\s+as\s+enum\b|domain\s+(?P<domain>[\w.\"]+)\s+(?:as\s+)?(?P<base>[^;]+))",
    re.IGNORECASE,
)
_TYPE_NAME = re.compile(r'(?P<schema>"?\w+"?\.)?"?(?P<name>\w+)"?')
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


def excluding(table: Table, names: Collection[str]) -> Table:
    """Return the table with columns that say, to whom uses them, that they never leave Postgres."""
    none = {name: T.StructField(name, T.StringType(), True, {UNUSABLE: WHY}) for name in names}
    return replace(table, columns=T.StructType([none.get(each.name, each) for each in table.columns.fields]))


def read_table(folder: Path, name: str) -> Table:
    """Read one table's DDL.

    :param folder: holds `*.sql`.
    :param name: `schema.table`.
    :raises TableUnknown: when no file creates it.
    """
    texts = [file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.sql"))]
    scripts = [_COMMENT_OR_TEXT.sub(lambda found: found["kept"] or " ", text) for text in texts]
    types = _created_types(scripts)
    for sql in scripts:
        for match in _CREATE.finditer(sql):
            if ".".join(_names(match[1])) == name:
                return _table(name, list(_definitions(sql, match.end())), types)
    raise TableUnknown(name, folder)


def _created_types(scripts: list[str]) -> dict[str, str]:
    """Find what the files' own types stand for: `enum`, or the type below a domain; by name without a schema."""
    found = {}
    for match in (match for sql in scripts for match in _CREATE_TYPE.finditer(sql)):
        name = (match["enum"] or match["domain"]).replace('"', "").lower().rpartition(".")[2]
        found[name] = "enum" if match["enum"] else _AFTER_TYPE.split(match["base"], maxsplit=1)[0].strip()
    return found


def _field(definition: str, types: dict[str, str]) -> T.StructField:
    sql_type, is_domain = _column_type(definition).strip(), False
    while (own := _TYPE_NAME.match(sql_type)) and (name := own["name"].lower()) in types:
        if is_built_in(name) and not own["schema"]:
            break
        stands_for, rest = types[name], sql_type[own.end() :]
        if rest and stands_for != "enum":
            break  # an array of a domain, which Debezium leaves out
        is_domain = is_domain or stands_for != "enum"
        sql_type = stands_for + rest
    return field_from_postgres(_column_name(definition), sql_type, domain=is_domain)


def _table(name: str, definitions: list[str], types: dict[str, str]) -> Table:
    columns = [definition for definition in definitions if not _CONSTRAINT.match(definition)]
    keys = [_column_name(column) for column in columns if re.search(r"\bprimary\s+key\b", column, re.IGNORECASE)]
    for match in filter(None, map(_TABLE_KEY.match, definitions)):
        keys = _names(match[1])
    return Table(name, T.StructType([_field(column, types) for column in columns]), tuple(keys))


def _names(text: str) -> list[str]:
    """Read names as SQL does: in lower case, or in quotes as they are."""
    found = _NAME.findall(text)
    return [name[1:-1].replace('""', '"') if name.startswith('"') else name.lower() for name in found]


def _column_name(definition: str) -> str:
    return _names(definition)[0]


def _column_type(definition: str) -> str:
    name = _NAME.match(definition)
    return _AFTER_TYPE.split(definition[name.end() if name else 0 :], maxsplit=1)[0]


def _definitions(sql: str, start: int) -> Iterator[str]:
    """Split what stands between the table's parentheses at its outer commas."""
    depth, begin, is_name = 0, start, False
    for at in range(start, len(sql)):
        is_name ^= sql[at] == '"'
        if is_name:
            continue
        if sql[at] == "(":
            depth += 1
        elif (sql[at] == "," and depth == 0) or (sql[at] == ")" and depth == 0):
            yield sql[begin:at].strip()
            begin = at + 1
            if sql[at] == ")":
                return
        elif sql[at] == ")":
            depth -= 1
