"""A fingerprint follows what is computed, not how it is written; what is not deterministic is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from penstock_views.declare import Image, Row, View, ViewInvalid, row
from penstock_views.fingerprint import fingerprint
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

TABLE = T.StructType([T.StructField("id", T.LongType()), T.StructField("tags", T.ArrayType(T.StringType()))])
Function = Callable[[Image], Row]


def of(spark: SparkSession, function: Function) -> str:
    return fingerprint(spark, View("v", "public.t", ("id",), 1, function, Path("v.py"), 3), TABLE)


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
