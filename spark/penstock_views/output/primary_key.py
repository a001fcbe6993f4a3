"""Says which columns of a table a view's key holds: as they are, or in a form that keeps different values different.

A view's key must hold the primary key of its table so. Otherwise two rows of the table could be one row of the view.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from penstock.names import column_name
from penstock_views.declaration.views import Image, View, ViewInvalid
from penstock_views.output.analysed import analysed, plain_image
from penstock_views.output.evaluate import call_view

_DIGITS = {"int": 10, "bigint": 19}
_TEXT = {"string", "int", "bigint", "boolean", "date", "timestamp", "float", "double"}
"""Types that each write another value as another text (the sessions are in UTC)."""

_WIDER = {
    ("int", "bigint"),
    ("int", "double"),
    ("float", "double"),
    ("date", "timestamp"),
    ("boolean", "int"),
    ("boolean", "bigint"),
    ("string", "binary"),
}
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)\Z")


@dataclass(frozen=True)
class Held:
    """A column of the table that is in a view's key, under whatever name.

    :param is_itself: nothing is computed of it.
    """

    column: str
    is_itself: bool


def held_columns(spark: SparkSession, view: View, image: T.StructType) -> dict[str, Held]:
    """Find the key columns of a view that hold a column of the table; by their names in the view.

    :param image: the canonical columns of its table.
    """
    plain = plain_image(image)
    made = call_view(view, Image(view.table, F.col("image"), plain))
    found = analysed(spark, {name: made.columns[name] for name in view.key}, plain)
    columns = {name: _column_of(expression) for name, expression in found.expressions.items()}
    return {
        name: Held(column, is_itself=is_plain) for name, (column, is_plain) in columns.items() if column is not None
    }


def refuse_merging(spark: SparkSession, view: View, image: T.StructType, primary_key: Sequence[str]) -> None:
    """Refuse a view whose key does not hold the primary key of its table.

    :raises ViewInvalid: naming the columns, and what stands in their place.
    """
    held = {each.column for each in held_columns(spark, view, image).values()}
    lacking = [name for name in primary_key if name not in held]
    if lacking:
        # Two rows of the source could take turns in one row of the view, and no version orders them.
        problem = f"the key lacks {', '.join(lacking)} of {view.table}'s primary key"
        raise ViewInvalid(view.origin, problem + _computed(view, image, lacking))


def _computed(view: View, image: T.StructType, lacking: Sequence[str]) -> str:
    computed = [name for name in lacking if column_name(name) in view.key]
    if not computed:
        return ""
    name = computed[0]
    is_time = isinstance(image[name].dataType, T.TimestampType)
    other = f"unix_micros(r.{name}), a bigint that keeps its microseconds" if is_time else "cast to string or wider"
    return (
        f": {', '.join(computed)} is computed there, so two rows of the table could become one of the view; "
        f"give r.{name} itself, under this name or another, or {other}"
    )


def _column_of(expression: Any) -> tuple[str | None, bool]:
    """Find the column that an expression holds, and whether it is that column and nothing else."""
    child: Any = expression.children().apply(0) if expression.children().nonEmpty() else None
    match expression.getClass().getSimpleName():
        case "Alias":
            return _column_of(child)
        case "GetStructField" if child.getClass().getSimpleName() == "AttributeReference":
            return str(expression.extractFieldName()), True
        case "UnixMicros":
            return _column_of(child)[0], False
        case "Cast" if _keeps_apart(_type_of(child), _type_of(expression)):
            return _column_of(child)[0], False
    return None, False


def _type_of(expression: Any) -> str:
    return str(expression.dataType().simpleString())


def _keeps_apart(old: str, new: str) -> bool:
    """Say whether a cast gives another value for each other value."""
    if old == new or (old, new) in _WIDER:
        return True
    if new == "string":
        return old in _TEXT or _DECIMAL.match(old) is not None
    return _fits(old, new)


def _fits(old: str, new: str) -> bool:
    """Say whether a decimal has room for each digit of a number."""
    wanted, there = _DECIMAL.match(new), _DECIMAL.match(old)
    if wanted is None or (there is None and old not in _DIGITS):
        return False
    precision, scale = (int(number) for number in wanted.groups())
    whole, part = (int(there[1]) - int(there[2]), int(there[2])) if there else (_DIGITS[old], 0)
    return precision - scale >= whole and scale >= part
