"""A fingerprint follows what is computed, not how it is written; what is not deterministic is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from random import random

import pytest
from penstock_views.declaration.totals import Total, Totals, aggregate, avg, count, sum
from penstock_views.declaration.views import History, Image, Row, View, ViewInvalid, row, whole
from penstock_views.output.fingerprint import fingerprint
from penstock_views.types.encodings import REFUSED
from pyspark.sql import Column, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

TABLE = T.StructType([T.StructField("id", T.LongType()), T.StructField("tags", T.ArrayType(T.StringType()))])
Function = Callable[[Image], Row]


def of(spark: SparkSession, function: Function) -> str:
    return fingerprint(spark, View("v", "public.t", ("id",), 1, function, Path("v.py"), 3), TABLE)


def of_totals(spark: SparkSession, total: Total, key: str = "id") -> str:
    def function(u: Image) -> Totals:
        return Totals({key: u.id, "n": total})

    return fingerprint(spark, replace(aggregate("public.t", key=[key])(function), name="v"), TABLE)


def helper(column: Column) -> Column:
    """Add one, as the other writing does."""
    return column + 1


def test_the_way_it_is_written_does_not_count(spark: SparkSession) -> None:
    first = of(spark, lambda u: row(id=u.id, n=u.id + 1).where(u.id > 0))
    second = of(spark, lambda image: row(id=image["id"], n=helper(image.id)).where(image.id > F.lit(0)))
    assert first == second


@pytest.mark.parametrize(
    "other",
    [
        lambda u: row(id=u.id, n=u.id + 2).where(u.id > 0),
        lambda u: row(id=u.id, n=u.id + 1).where(u.id > 1),
        lambda u: row(id=u.id, n=u.id + 1),
        lambda u: row(id=u.id, m=u.id + 1).where(u.id > 0),
    ],
)
def test_what_it_computes_does(spark: SparkSession, other: Function) -> None:
    assert of(spark, other) != of(spark, lambda u: row(id=u.id, n=u.id + 1).where(u.id > 0))


def test_lambdas_have_the_same_fingerprint_whenever_they_are_made(spark: SparkSession) -> None:
    def function(u: Image) -> Row:
        return row(id=u.id, n=F.size(F.filter(F.transform(u.tags, F.upper), lambda tag: tag != F.lit("x_1"))))

    assert of(spark, function) == of(spark, function)


@pytest.mark.parametrize(
    ("column", "name"),
    [
        (lambda: F.rand(), "rand"),
        (lambda: F.expr("uuid()"), "uuid"),
        (lambda: F.now(), "Now|Current"),
        (lambda: F.current_date(), "CurrentDate"),
        (lambda: F.unix_timestamp(), "CurrentTimestamp"),
        (lambda: F.localtimestamp(), "LocalTimestamp"),
        (lambda: F.current_user(), "CurrentUser"),
        (lambda: F.current_timezone(), "CurrentTimeZone"),
    ],
)
def test_what_changes_by_itself_is_refused(spark: SparkSession, column: Callable[[], Column], name: str) -> None:
    with pytest.raises(ViewInvalid, match=rf"v\.py:3: view v: n is not deterministic \(.*({name})"):
        of(spark, lambda u: row(id=u.id, n=column()))


@pytest.mark.parametrize("value", [datetime.now, random])
def test_what_python_takes_from_elsewhere_is_refused(spark: SparkSession, value: Callable[[], object]) -> None:
    with pytest.raises(ViewInvalid, match=r"v\.py:3: view v: n is not deterministic \(another value at each call"):
        of(spark, lambda u: row(id=u.id, n=F.lit(value())))


@pytest.mark.parametrize(
    ("column", "why"),
    [
        (lambda u: F.explode(u.tags), "makes several rows of one"),
        (lambda u: F.sum(u.id).over(Window.orderBy(u.id)), "reads other rows"),
        (lambda u: F.expr("(SELECT 1)") + u.id, "reads other rows"),
        (lambda u: F.udf(lambda value: value, "bigint", useArrow=False)(u.id), "calls Python for each row"),
    ],
)
def test_what_does_not_follow_from_one_row_in_sight_is_refused(
    spark: SparkSession, column: Callable[[Image], Column], why: str
) -> None:
    with pytest.raises(ViewInvalid, match=rf"v\.py:3: view v: n {why}"):
        of(spark, lambda u: row(id=u.id, n=column(u)))

    def of_groups(u: Image) -> Totals:
        return Totals({"n": column(u)})

    with pytest.raises(ViewInvalid, match=rf"view of_groups: n {why}"):
        fingerprint(spark, aggregate("public.t", key=["n"])(of_groups), TABLE)


def test_of_an_aggregate_the_operation_counts_too(spark: SparkSession) -> None:
    value = F.col("image")["id"]
    prints = {of_totals(spark, total) for total in (sum(value), avg(value), count(), sum(value + 1))}
    assert len(prints) == 4
    assert of_totals(spark, sum(value)) != of_totals(spark, sum(value), key="other")


def test_the_kind_counts(spark: SparkSession) -> None:
    view = History("v", "public.t", ("id",), 1, lambda u: row(id=u.id), Path("v.py"), 3)
    assert fingerprint(spark, view, TABLE) != of(spark, view.function)


def test_a_whole_row_is_the_same_function_when_the_table_gains_a_column(spark: SparkSession) -> None:
    view = History("v", "public.t", ("id",), 1, whole, Path("v.py"), 3)
    wider = T.StructType([*TABLE.fields, T.StructField("more", T.StringType())])
    assert fingerprint(spark, view, TABLE) == fingerprint(spark, view, wider)
    spelled = History("v", "public.t", ("id",), 1, lambda u: row(id=u.id, tags=u.tags), Path("v.py"), 3)
    assert fingerprint(spark, spelled, TABLE) != fingerprint(spark, view, TABLE)


def test_it_is_the_same_on_an_image_that_knows_of_refused_values(spark: SparkSession) -> None:
    view = View("v", "public.t", ("id",), 1, lambda u: row(id=u.id, tags=u.tags), Path("v.py"), 3)
    assert fingerprint(spark, view, T.StructType([*TABLE.fields, REFUSED])) == fingerprint(spark, view, TABLE)
