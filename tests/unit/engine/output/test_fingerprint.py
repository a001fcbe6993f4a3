"""A fingerprint follows what is computed, not how it is written; what is not deterministic is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
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


WIDE = T.StructType(
    [
        T.StructField("id", T.LongType()),
        T.StructField("x_1", T.LongType()),
        T.StructField("x_2", T.LongType()),
        T.StructField("price", T.DecimalType(10, 2)),
        T.StructField("name", T.StringType()),
        T.StructField("born", T.DateType()),
        T.StructField("seen", T.TimestampType()),
        T.StructField("tags", T.ArrayType(T.StringType())),
    ]
)
Computed = Callable[[Image], Column]


def of_value(spark: SparkSession, column: Computed) -> str:
    view = View("v", "public.t", ("id",), 1, lambda u: row(id=u.id, n=column(u)), Path("v.py"), 3)
    return fingerprint(spark, view, WIDE)


def as_json(u: Image, **options: str) -> Column:
    return F.to_json(F.struct(u.seen), options)


def of_json(u: Image, schema: str, **options: str) -> Column:
    return F.from_json(u.name, schema, options)["d"].cast("string")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda u: u.x_1, lambda u: u.x_2),
        (lambda u: u.name == "x_1", lambda u: u.name == "x_2"),
        (lambda u: as_json(u, timestampFormat="yyyy"), lambda u: as_json(u, timestampFormat="yyyy-MM")),
        (lambda u: as_json(u, timestampFormat="yyyy"), as_json),
        (lambda u: F.to_json(F.struct(u.id.alias("a"))), lambda u: F.to_json(F.struct(u.id.alias("b")))),
        (lambda u: F.to_json(F.struct(u.id.alias("a"))), lambda u: F.to_json(F.struct(u.id))),
        (lambda u: F.to_json(F.struct((u.id + 1).alias("a"))), lambda u: F.to_json(F.struct(u.id + 1))),
        (
            lambda u: F.to_json(F.struct(F.struct(u.id.alias("a")))),
            lambda u: F.to_json(F.struct(F.struct(u.id.alias("b")))),
        ),
        (
            lambda u: F.to_json(F.struct(u.id).withField("a", u.name)),
            lambda u: F.to_json(F.struct(u.id).withField("b", u.name)),
        ),
        (
            lambda u: F.to_json(F.struct(u.id, u.name).dropFields("id")),
            lambda u: F.to_json(F.struct(u.id, u.name).dropFields("name")),
        ),
        (
            lambda u: F.to_json(F.arrays_zip(u.tags.alias("a"), u.tags)),
            lambda u: F.to_json(F.arrays_zip(u.tags.alias("b"), u.tags)),
        ),
        (lambda u: of_json(u, "d decimal(9,2)"), lambda u: of_json(u, "d decimal(9,4)")),
        (lambda u: of_json(u, "d date", dateFormat="d/M/y"), lambda u: of_json(u, "d date", dateFormat="M/d/y")),
        (
            lambda u: F.from_csv(u.name, "a int, d int")["d"].cast("string"),
            lambda u: F.from_csv(u.name, "d int, a int")["d"].cast("string"),
        ),
        (
            lambda u: F.to_csv(F.struct(u.id, u.name), {"sep": ";"}),
            lambda u: F.to_csv(F.struct(u.id, u.name), {"sep": "|"}),
        ),
        (
            lambda u: F.concat(u.name, F.schema_of_csv(F.lit("1|a"), {"sep": "|"})),
            lambda u: F.concat(u.name, F.schema_of_csv(F.lit("1|a"), {"sep": ";"})),
        ),
        (
            lambda u: F.variant_get(F.parse_json(u.name), "$.a", "int").cast("string"),
            lambda u: F.variant_get(F.parse_json(u.name), "$.a", "double").cast("string"),
        ),
        (lambda _: F.expr("image.name LIKE ALL ('a%', 'b%')"), lambda _: F.expr("image.name LIKE ALL ('a%', 'c%')")),
        (
            lambda u: F.zip_with(u.tags, u.tags, lambda x, y: F.concat(x, y)),
            lambda u: F.zip_with(u.tags, u.tags, lambda x, y: F.concat(y, x)),
        ),
        (
            lambda u: F.zip_with(u.tags, u.tags, lambda x, y: F.concat(x, y, x)),
            lambda u: F.zip_with(u.tags, u.tags, lambda x, y: F.concat(x, y, y)),
        ),
        (
            lambda u: F.transform(u.tags, lambda _: F.array_join(F.transform(u.tags, lambda y: y), ",")),
            lambda u: F.transform(u.tags, lambda x: F.array_join(F.transform(u.tags, lambda _: x), ",")),
        ),
    ],
)
def test_what_the_sql_of_an_expression_does_not_show_counts(
    spark: SparkSession, one: Computed, other: Computed
) -> None:
    assert of_value(spark, one) != of_value(spark, other)
    assert of_value(spark, one) == of_value(spark, one)


@pytest.mark.parametrize(
    ("column", "written"),
    [
        (lambda u: (u.price * F.lit(Decimal("1.23"))).cast("decimal(12,2)"), "3d3f11639cec2764"),
        (
            lambda u: F.when(u.id > 1, u.name).when(u.name.isNull(), "none").otherwise(F.upper(u.name)),
            "95ef9bdca1b5a5e8",
        ),
        (lambda u: F.date_trunc("millisecond", u.seen), "9c8a535c01cb239f"),
        (lambda u: F.unix_micros(u.seen), "17b02e1dcb80c16a"),
        (lambda u: F.year(u.seen) * 100 + F.month(u.born), "ae8c7b25b39a08d4"),
        (lambda u: F.date_format(u.seen, "yyyy-MM"), "c42829dbdc2a6a70"),
        (lambda u: F.to_timestamp(u.name, "yyyy"), "6e0921fb1bba69c7"),
        (lambda u: F.to_date(u.name), "f81ae32fe6678d60"),
        (lambda u: F.make_date(u.id.cast("int"), F.lit(1), F.lit(2)), "69ac60f8ba9217b4"),
        (lambda u: F.coalesce(F.nullif(F.trim(u.name), F.lit("")), F.lit("unknown")), "fcbd458f37c6dd2c"),
        (lambda u: F.regexp_replace(F.lower(u.name), "[^a-z]+", "-"), "78434a2a968abfa8"),
        (lambda u: F.split_part(u.name, F.lit("@"), F.lit(2)), "9f860718be69b16c"),
        (lambda u: F.concat_ws(", ", u.name, u.tags), "37c879a6136821ab"),
        (lambda u: F.get_json_object(u.name, "$.a.b"), "e17bd8f34e0104b8"),
        (lambda u: F.to_json(F.struct(u.id, u.name, u.seen)), "83e3f28e0ca7c480"),
        (lambda u: F.transform(u.tags, lambda tag: F.trim(tag)), "b8ebba50ae01b8b9"),
        (lambda u: F.filter(F.transform(u.tags, F.upper), lambda tag: tag != "A"), "dedf70426229930b"),
        (lambda u: F.exists(u.tags, lambda tag: tag.startswith("a")), "c5eb369f5e5ba953"),
        (lambda u: F.aggregate(u.tags, F.lit(0), lambda total, tag: total + F.length(tag)), "c23b6df2d7cc4504"),
        (lambda u: F.array_join(F.array_sort(u.tags), ","), "011f3a845b19f460"),
        (lambda u: u.seen + F.expr("interval 1 day"), "8cf321074ca5bc80"),
        (lambda u: F.timestamp_add("DAY", F.lit(1), u.seen), "44e7529de56b9ca5"),
        (lambda u: F.from_utc_timestamp(u.seen, "Europe/Oslo"), "fcc693876cb72c68"),
        (lambda u: u.name.like("a%") & u.id.between(1, 9) & u.name.isin("b", "c"), "8aa7a526194efd03"),
        (lambda u: F.sha2(F.concat(u.name, u.id.cast("string")), 256), "93f7c02f919c5316"),
        (lambda u: F.element_at(u.tags, 1), "97266530231297fc"),
        (lambda u: u.name.try_cast("int"), "e052f3c9901432ae"),
        (lambda u: F.lpad(u.name, 5, "0"), "e42f06a54ea74c69"),
        (lambda u: F.create_map(F.lit("a"), u.name)["a"], "a71c4a7d9ef41c64"),
    ],
)
def test_a_view_of_an_earlier_version_keeps_its_fingerprint(
    spark: SparkSession, column: Computed, written: str
) -> None:
    assert of_value(spark, column) == written


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
        (lambda: F.expr("user()"), "CurrentUser"),
        (lambda: F.current_timezone(), "CurrentTimeZone"),
        (lambda: F.expr("current_time()").cast("string"), "CurrentTime"),
        (lambda: F.date_add(F.current_date(), 1), "CurrentDate"),
        (lambda: F.lit("now").cast("timestamp"), "'now' as a time"),
        (lambda: F.lit(" Today UTC").cast("date"), "' Today UTC' as a time"),
        (lambda: F.concat(F.lit("to"), F.lit("day")).cast("date"), "'today' as a time"),
        (lambda: F.to_date(F.lit("tomorrow")), "'tomorrow' as a time"),
        (lambda: F.try_to_timestamp(F.lit("yesterday")), "'yesterday' as a time"),
        (lambda: F.col("image")["seen"] > "now", "'now' as a time"),
        (lambda: F.col("image")["born"].isin("2020-01-01", "today"), "'today' as a time"),
        (lambda: F.expr("date 'today'"), "date 'today'"),
        (lambda: F.col("image")["seen"] > F.expr("TIMESTAMP'Now'"), "TIMESTAMP'Now'"),
        (lambda: F.base64(F.aes_encrypt(F.col("image")["name"], F.lit("0123456789abcdef"))), "aes_encrypt without iv"),
    ],
)
def test_what_changes_by_itself_is_refused(spark: SparkSession, column: Callable[[], Column], name: str) -> None:
    with pytest.raises(ViewInvalid, match=rf"v\.py:3: view v: n is not deterministic \(.*({name})"):
        of_value(spark, lambda _: column())


@pytest.mark.parametrize(
    "column",
    [
        lambda u: u.name == "today",
        lambda u: F.coalesce(u.name, F.lit("now")),
        lambda u: F.concat(F.lit("today "), u.name),
        lambda u: u.born > "2020-01-01",
        lambda u: F.to_date(u.name),
        lambda u: F.lit("epoch").cast("timestamp") < u.seen,
        lambda u: F.aes_encrypt(u.name, F.lit("0123456789abcdef"), F.lit("ECB")),
        lambda u: F.aes_encrypt(
            u.name, F.lit("0123456789abcdef"), F.lit("CBC"), F.lit("PKCS"), F.lit("0123456789abcdef")
        ),
    ],
)
def test_what_only_looks_like_a_moment_is_not_refused(spark: SparkSession, column: Computed) -> None:
    assert of_value(spark, column)


def test_a_field_that_spark_names_by_a_number_is_refused(spark: SparkSession) -> None:
    with pytest.raises(ViewInvalid, match=r"n is not deterministic \(a field named x_\d+ by Spark, to which alias"):
        of_value(spark, lambda u: F.to_json(F.transform(u.tags, lambda tag: F.struct(tag))))
    assert of_value(spark, lambda u: F.to_json(F.transform(u.tags, lambda tag: F.struct(tag.alias("tag")))))
    assert of_value(spark, lambda u: F.to_json(F.transform(u.tags, lambda tag: F.struct(F.upper(tag)))))


def test_the_date_of_python_is_refused(spark: SparkSession) -> None:
    problem = r"the function is not deterministic \(date\.today; write a date as a constant of the file\)"
    with pytest.raises(ViewInvalid, match=problem):
        of_value(spark, lambda u: u.born > F.lit(date.today()))

    def of_groups(u: Image) -> Totals:
        return Totals({"n": F.lit(date.today()), "of": count(u.id > 0)})

    with pytest.raises(ViewInvalid, match=problem):
        fingerprint(spark, aggregate("public.t", key=["n"])(of_groups), TABLE)


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
