"""The text of a starting view of a table: every column that a view can use, keyed by the table's primary key."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass

from penstock_views.declaration.views import MOST_IN_NAME
from pyspark.sql import types as T

from penstock.contract import ROW_VERSION
from penstock.errors import TerminalError
from penstock.names import column_name, is_plain, of_source
from penstock.postgres.catalogue import LiveTable

_NOT_IN_NAMES = re.compile(r"[^a-z0-9_]+")
_VIEW = re.compile(r"[a-z][a-z0-9_]*\Z")
_CUTS = ("truncate_each_to_millis", "truncate_to_millis", "unix_micros")
_IMPORTED = ("Image", "Row", "row", *_CUTS, "view")
"""What a view's file needs of the engine: a function of such a name would hide it."""


class NoView(TerminalError):
    """No view can be made of a table."""

    def __init__(self, table: str, reason: str) -> None:
        self.reason = reason
        super().__init__(f"no view can be made of {table}: {reason}")


@dataclass(frozen=True)
class Drawn:
    """A starting view as text: nothing is written yet, and nothing derived from it.

    :param left_out: the columns that it does not have, each with the reason.
    :param source: the source database that has the table; empty for the first one.
    """

    name: str
    live: LiveTable
    text: str
    columns: int
    left_out: Mapping[str, str]
    source: str = ""

    @property
    def table(self) -> str:
        """The table, with its source."""
        return of_source(self.source, self.live.table.name)


def draw(live: LiveTable, name: str, source: str = "") -> Drawn:
    """Write the text of a starting view.

    :raises NoView: the table has no primary key, or columns that cannot be captured, or the view cannot have that name.
    """
    _refuse_unfit(live)
    if problem := name_problem(name):
        raise NoView(live.table.name, f"`{name}` cannot be a view's name: {problem}. Name it with --name")
    columns, left_out = _columns(live)
    return Drawn(name, live, _text(name, live, columns, source), len(columns), left_out, source)


def name_problem(name: str) -> str | None:
    """Say why a view cannot have that name: it is a Python function's, a topic's and a Cassandra table's at once."""
    if not _VIEW.match(name):
        return "it needs lower-case letters, digits and _ only, and a letter first"
    if keyword.iskeyword(name):
        return "it is a word of Python"
    if name in _IMPORTED:
        return "the view's file uses a function of that name"
    return f"Cassandra's tables have {MOST_IN_NAME} characters at most" if len(name) > MOST_IN_NAME else None


def _refuse_unfit(live: LiveTable) -> None:
    name = live.table.name
    for each in live.unfit:
        raise NoView(name, f"{each.what}; {each.cure}")
    if not live.table.primary_key:
        raise NoView(name, "it has no primary key, so no two rows of it can be kept apart; ALTER TABLE … ADD one")
    lost = [column for column in live.table.primary_key if column in live.left_out]
    if lost:
        raise NoView(name, f"{lost[0]} of its primary key: {live.left_out[lost[0]]}")


def _columns(live: LiveTable) -> tuple[dict[str, T.StructField], dict[str, str]]:
    """Choose the view's columns: name in the view to the table's field; key columns first."""
    key = live.table.primary_key
    fields = sorted(
        live.table.columns.fields, key=lambda field: key.index(field.name) if field.name in key else len(key)
    )
    chosen: dict[str, T.StructField] = {}
    left_out = dict(live.left_out)
    for field in [field for field in fields if field.name not in left_out]:
        name = column_name(field.name)
        while name == ROW_VERSION or name in chosen:
            name += "_"
        chosen[name] = field
    return chosen, left_out


def view_name(table: str) -> str:
    """Make the name of a view from that of a table, without its schema."""
    name = _NOT_IN_NAMES.sub("_", table.lower()).strip("_")
    name = (name if name[:1].isalpha() else f"t_{name}")[:MOST_IN_NAME]
    return f"{name}_" if keyword.iskeyword(name) or name in _IMPORTED else name


def _text(view: str, live: LiveTable, columns: dict[str, T.StructField], source: str) -> str:
    names = {field.name: name for name, field in columns.items()}
    key = ", ".join(f'"{names[column]}"' for column in live.table.primary_key)
    lines = "\n".join(f"        {_entry(name, _value(live, field))}," for name, field in columns.items())
    cuts = [name for name in _CUTS if f"{name}(" in lines]
    imports = ", ".join(["Image", "Row", "row", *cuts, "view"])
    table, of = of_source(source, live.table.name), f', source="{source}"' if source else ""
    return (
        f'"""The view {view} of {table}."""\n\n'
        f"from penstock_views import {imports}\n\n\n"
        f'@view("{live.table.name}", key=[{key}]{of})\n'
        f"def {view}(r: Image) -> Row:\n"
        f'    """Hold one row per row of {table}."""\n'
        f"    return row(\n{lines}\n    )\n"
    )


def _entry(name: str, value: str) -> str:
    """Write one argument of `row`; a word of Python's cannot stand as a keyword of a call."""
    is_word = keyword.iskeyword(name) or name == "__debug__"
    return f'**{{"{name}": {value}}}' if is_word else f"{name}={value}"


def _value(live: LiveTable, field: T.StructField) -> str:
    is_same = is_plain(field.name) and column_name(field.name) == field.name
    is_attribute = is_same and not keyword.iskeyword(field.name) and not field.name.startswith("_")
    column = f"r.{field.name}" if is_attribute else f"r[{json.dumps(field.name, ensure_ascii=False)}]"
    if field.name not in live.micros:
        return column
    # CQL holds milliseconds; said here, where its user sees it, and not done silently. A key is never rounded: two rows
    # of the table could become one.
    if field.name in live.table.primary_key:
        return f"unix_micros({column})"
    return f"truncate_{'each_' if isinstance(field.dataType, T.ArrayType) else ''}to_millis({column})"
