"""Fingerprint: one short text for what a view's function computes. It shows a change, and refuses what must not be.

It is made from Spark's analysed expressions (`penstock_views.output.analysed`). Comments and names of Python variables
and helper functions do not count; what is computed does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256

from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from penstock_views.declaration.clock import clock_in
from penstock_views.declaration.totals import Aggregate
from penstock_views.declaration.views import Image, Row, View, ViewInvalid
from penstock_views.output.analysed import analysed, plain_image
from penstock_views.output.evaluate import call_view
from penstock_views.output.nodes import hidden_in, nodes_of, unsteady_in
from penstock_views.types.key_form import has_scale

_WHERE = "where()"
_VARIABLE = re.compile(r"(?<!['\w])[xyz]_\d+")
"""A variable of a lambda, in the words of PySpark, where a text has quotes around it: it numbers them through its life.
"""
_PRESENT = re.compile(r"\b(?:date|timestamp\w*)\s*'\s*(?:now|today|tomorrow|yesterday)\b[^']*'", re.IGNORECASE)
"""A constant of SQL that Spark makes a date or a time as it reads it: its expression shows only that."""


def fingerprint(spark: SparkSession, view: View, image: T.StructType) -> str:
    """Compute the fingerprint of a view: its kind, its table, its key, its columns and its filter.

    Of an aggregate it covers the columns of the group, and of each total its operation and the values that it is of.

    :param image: the canonical columns of its table; those that the view does not use make no difference.
    :raises ViewInvalid: when the function gives another row tomorrow, or in another place, for the same image. So it
        does when the row does not follow from the one image.
    """
    plain = plain_image(image)
    made = call_view(view, Image(view.table, F.col("image"), plain))
    parts = _parts(made)
    found = analysed(spark, parts, plain)
    if found.beyond:
        name, why = next((name, why) for name in parts if (why := analysed(spark, {name: parts[name]}, plain).beyond))
        raise ViewInvalid(view.origin, f"{name} {why}: a view has one row for each row of its table, made of that row")
    expressions = [(name, expression, nodes_of(expression)) for name, expression in found.expressions.items()]
    for name, expression, nodes in expressions:
        if culprit := unsteady_in(expression, nodes):
            raise _NotDeterministic(view, name, culprit)
    _refuse_changing(view, parts, _parts(call_view(view, Image(view.table, F.col("image"), plain))))
    _refuse_clock(view, parts)
    # A new column of the table is in a whole row by itself: then the function is the same, and the rows say the rest.
    kept = [each for each in expressions if each[0] == _WHERE] if made.is_whole else expressions
    described = [
        type(view).__name__,
        view.source_table,
        *view.key,
        *(["*"] if made.is_whole else []),
        *(f"{name}={expression.sql()}" for name, expression, _ in kept),
        *_operations(view, plain),
        *(f"{name}~{hidden}" for name, *each in kept for hidden in hidden_in(spark, *each)),
        # Rows that were written before there was a normal form lie under other keys.
        *(f"{name} in its normal form" for name in view.key if has_scale(found.fields[name])),
    ]
    return sha256("\n".join(described).encode()).hexdigest()[:16]


class _NotDeterministic(ViewInvalid):
    def __init__(self, view: View, name: str, culprit: str) -> None:
        what = f"{name} is not deterministic ({culprit}): yesterday's row could not be computed again to be removed"
        super().__init__(view.origin, what)


def _parts(made: Row) -> dict[str, Column]:
    return made.columns | ({} if made.condition is None else {_WHERE: made.condition})


def _refuse_changing(view: View, parts: Mapping[str, Column], again: Mapping[str, Column]) -> None:
    """Refuse what Python takes from elsewhere, such as the time: to Spark it is a constant of the query."""
    if parts.keys() != again.keys():
        raise _NotDeterministic(view, "the row", "other columns at each call of the function")
    for name, column in parts.items():
        if _VARIABLE.sub("", str(column)) != _VARIABLE.sub("", str(again[name])):
            raise _NotDeterministic(view, name, "another value at each call of the function")


def _refuse_clock(view: View, parts: Mapping[str, Column]) -> None:
    """Refuse what is the same for a while, such as the date: two calls in a row show nothing."""
    for name, column in parts.items():
        if found := _PRESENT.search(str(column)):
            raise _NotDeterministic(view, name, found[0])
    if culprit := clock_in(view.totals_of if isinstance(view, Aggregate) else view.function):
        raise _NotDeterministic(view, "the function", f"{culprit}; write a date as a constant of the file")


def _operations(view: View, image: T.StructType) -> list[str]:
    if not isinstance(view, Aggregate):
        return []
    operations = view.operations(Image(view.table, F.col("image"), image))
    return [f"{name}:{operation.name}" for name, operation in operations.items()]
