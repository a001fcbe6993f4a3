"""`views new`: a starting view of a table, with every column that a view can use, keyed by the table's primary key."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from pathlib import Path

from penstock_views.declare import View
from penstock_views.load import load_each
from pyspark.sql import types as T

from penstock.config import Config
from penstock.errors import TerminalError
from penstock.local_spark import local_spark
from penstock.project import Project
from penstock.views.catalogue import LiveTable, connect, read_live_table
from penstock.views.derived import derive, texts, write_changed
from penstock.views.load import views_of

_SQL_NAME = r'(?:"((?:[^"]|"")+)"|([A-Za-z_][\w$]*))'
_TABLE = re.compile(rf"(?:{_SQL_NAME}\.)?{_SQL_NAME}\Z")
_NOT_IN_NAMES = re.compile(r"[^a-z0-9_]+")
_UNFIT = re.compile(r"[.,\\\"']")
_FIELD = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)


class TableNameUnclear(TerminalError):
    """What was given is no name of a table."""

    def __init__(self, given: str) -> None:
        super().__init__(
            f"`{given}` is no table's name; write orders, sales.orders or 'sales.\"Order Items\"' (quotes as in SQL; "
            "a name with a dot, comma, quote or backslash in it cannot be captured: rename the table)"
        )


class ViewTaken(TerminalError):
    """There is a view or a file of that name."""

    def __init__(self, what: str, there: str) -> None:
        super().__init__(f"{what} is there already ({there}); nothing was written. Name another with --name")


class NoView(TerminalError):
    """No view can be made of a table."""

    def __init__(self, table: str, reason: str) -> None:
        super().__init__(f"no view can be made of {table}: {reason}; nothing was written")


@dataclass(frozen=True)
class Made:
    """What was written, and what had to be left out (column: reason)."""

    view: str
    files: tuple[Path, ...]
    left_out: dict[str, str]


def parse_table(given: str) -> str:
    """Read a table's name as SQL writes it; return `schema.table` as the catalogue spells it.

    :raises TableNameUnclear: it is none.
    """
    found = _TABLE.match(given.strip())
    if found is None:
        raise TableNameUnclear(given)
    schema_quoted, schema, table_quoted, table = found.groups()
    parts = [
        quoted.replace('""', '"') if quoted else (plain or "public").lower()
        for quoted, plain in ((schema_quoted, schema), (table_quoted, table))
    ]
    if any(_UNFIT.search(part) for part in parts):
        raise TableNameUnclear(given)
    return ".".join(parts)


def new_view(config: Config, table: str, *, name: str | None = None) -> Made:
    """Write a starting view and everything derived from it.

    :param table: as SQL writes it.
    :param name: of the view; without it the table's.
    :raises ViewTaken: rather than write over anything.
    :raises TableMissing, PostgresAway: the table's columns come from the live catalogue.
    :raises NoView: the table has no primary key, or columns that cannot be captured.
    """
    project = Project.of(config)
    with connect(config) as connection:
        live = read_live_table(connection, parse_table(table))
    chosen = name or _view_name(live.table.name.split(".", 1)[1])
    file = project.views / f"{chosen}.py"
    _refuse_taken(project, chosen, file)
    _refuse_unfit(live)
    columns, left_out = _columns(live)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(_source(chosen, live, columns), encoding="utf-8")
    try:
        changed = _write_derived(config, project, chosen, live)
    except BaseException:
        file.unlink()  # all or nothing
        raise
    return Made(chosen, (file, *changed), left_out)


def _write_derived(config: Config, project: Project, name: str, live: LiveTable) -> list[Path]:
    views = views_of(config)
    view = next(view for view in views if view.name == name)
    with local_spark(config, name="views-spark") as spark:
        derived = derive(spark, view, live.table)
    return write_changed(texts(project, [derived], views))


def _refuse_taken(project: Project, name: str, file: Path) -> None:
    views: tuple[View, ...] = load_each(project.views)[0] if project.views.exists() else ()
    for view in views:
        if view.name == name:
            raise ViewTaken(f"view {name}", f"{project.shown(view.file)}:{view.line}")
    taken = [file, project.cassandra / f"{name}.cql", project.avro / f"views.{name}-value.avsc"]
    for path in taken:
        if path.exists():
            raise ViewTaken(project.shown(path), f"of a view {name}")


def _refuse_unfit(live: LiveTable) -> None:
    name = live.table.name
    for each in live.unfit:
        raise NoView(name, f"{each.what}; {each.cure}")
    if not live.table.primary_key:
        raise NoView(name, "it has no primary key, so no row of it can be told from another; ALTER TABLE … ADD one")
    unfit = [column for column in {*live.table.columns.names, *live.left_out} if not _FIELD.match(column)]
    if unfit:
        raise NoView(
            name, f"Avro cannot name its column(s) {', '.join(sorted(unfit))}: rename them to letters, digits and _"
        )
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
        name = field.name.lower()
        if keyword.iskeyword(name) or name == "row_version":
            name += "_"
        if name in chosen:
            left_out[field.name] = f"as `{name}` it would collide with {chosen[name].name}: name it yourself"
        else:
            chosen[name] = field
    return chosen, left_out


def _view_name(table: str) -> str:
    name = _NOT_IN_NAMES.sub("_", table.lower()).strip("_")
    return name if name[:1].isalpha() else f"t_{name}"


def _source(view: str, live: LiveTable, columns: dict[str, T.StructField]) -> str:
    names = {field.name: name for name, field in columns.items()}
    key = ", ".join(f'"{names[column]}"' for column in live.table.primary_key)
    lines = "\n".join(f"        {name}={_value(live, field)}," for name, field in columns.items())
    cuts = [name for name in ("truncate_to_millis", "unix_micros") if f"{name}(" in lines]
    imports = ", ".join(["Image", "Row", "row", *cuts, "view"])
    return (
        f'"""The view {view} of {live.table.name}."""\n\n'
        f"from penstock_views import {imports}\n\n\n"
        f'@view("{live.table.name}", key=[{key}])\n'
        f"def {view}(r: Image) -> Row:\n"
        f'    """Hold one row per row of {live.table.name}."""\n'
        f"    return row(\n{lines}\n    )\n"
    )


def _value(live: LiveTable, field: T.StructField) -> str:
    is_plain = field.name.isidentifier() and not keyword.iskeyword(field.name) and not field.name.startswith("_")
    column = f"r.{field.name}" if is_plain else f'r["{field.name}"]'
    if field.name not in live.micros:
        return column
    # CQL holds milliseconds; said here, where its user sees it, and not done silently. A key is never rounded: two rows
    # of the table could become one.
    return f"unix_micros({column})" if field.name in live.table.primary_key else f"truncate_to_millis({column})"
