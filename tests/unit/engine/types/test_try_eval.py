"""What fails for one row is NULL for that row, however Spark computes it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from penstock_views.types.try_eval import try_eval
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

ANY_CHARACTER = r"Subject: ((.|\n)*)End"
"""Java's engine takes a piece of the stack for each character that the group matches."""


@pytest.fixture(params=["CODEGEN_ONLY", "NO_CODEGEN"])
def way(request: pytest.FixtureRequest, spark: SparkSession) -> Iterator[str]:
    """Let Spark generate code, or interpret every expression."""
    settings = {
        "spark.sql.codegen.factoryMode": request.param,
        "spark.sql.codegen.wholeStage": str(request.param == "CODEGEN_ONLY").lower(),
    }
    before = {name: spark.conf.get(name) for name in settings}
    for name, value in settings.items():
        spark.conf.set(name, value)
    yield request.param
    for name, value in before.items():
        spark.conf.set(name, str(value))


def divided(spark: SparkSession, *numbers: int) -> DataFrame:
    return spark.createDataFrame([(number,) for number in numbers], "n int")


def parts(value: Column) -> Column:
    return try_eval(F.struct((value + 1).alias("a"), (value * 2).alias("b")))


@pytest.mark.usefixtures("way")
def test_what_stands_twice_is_not_computed_before_it(spark: SparkSession) -> None:
    ratio = 100 / F.col("n")
    found = divided(spark, 0, 50).select(parts(ratio).alias("it"), (F.col("n") > 0).alias("is")).collect()
    assert [row["it"] and tuple(row["it"]) for row in found] == [None, (3.0, 4.0)]


@pytest.mark.usefixtures("way")
def test_two_that_hold_the_same_are_not_computed_before_them(spark: SparkSession) -> None:
    ratio = 100 / F.col("n")
    both = divided(spark, 0, 50).select(try_eval(ratio + 1).alias("a"), try_eval(ratio + 2).alias("b"))
    assert list(map(tuple, both.collect())) == [(None, None), (3.0, 4.0)]


@pytest.mark.usefixtures("way")
def test_a_filter_computes_nothing_before_it(spark: SparkSession) -> None:
    ratio = 100 / F.col("n")
    kept = divided(spark, 0, 50).where(try_eval((ratio > 1) & (ratio < 3)))
    assert [row["n"] for row in kept.collect()] == [50]


@pytest.mark.usefixtures("way")
def test_a_constant_that_fails_is_null(spark: SparkSession) -> None:
    found = divided(spark, 1).select(try_eval(F.lit(1) / F.lit(0)).alias("it"))
    assert [row["it"] for row in found.collect()] == [None]


@pytest.mark.usefixtures("way")
def test_a_text_on_which_a_regular_expression_overflows_the_stack_is_null(spark: SparkSession) -> None:
    texts = [("Subject: " + "x" * length + "End",) for length in (5, 1_000_000)]
    frame = spark.createDataFrame(texts, "text string")
    found = frame.select(try_eval(F.regexp_extract("text", ANY_CHARACTER, 1)).alias("it")).collect()
    assert [row["it"] for row in found] == ["xxxxx", None]


LATIN_1, UTF_8 = bytes.fromhex("63e9"), bytes.fromhex("63c3a9")


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    "text",
    [
        "CAST(b AS STRING)",
        "upper(CAST(b AS STRING))",
        "upper(b)",  # Spark casts it itself
        "to_json(struct(CAST(b AS STRING)))",
        "CAST(array(b) AS ARRAY<STRING>)",
        "transform(array(b), x -> CAST(x AS STRING))",
        "CAST(array(b) AS STRING)",
        "decode(b, 'UTF-8')",
    ],
)
def test_bytes_that_are_no_utf_8_are_no_text(spark: SparkSession, text: str) -> None:
    frame = spark.createDataFrame([(LATIN_1,), (UTF_8,), (None,)], "b binary")
    tried = try_eval(F.struct(F.expr(text).alias("it")), is_exact=True)
    lost, there, none = (row["tried"] for row in frame.select(tried.alias("tried")).collect())
    assert lost is None
    assert "é" in str(there["it"]).lower()
    assert none is not None


@pytest.mark.usefixtures("way")
def test_bytes_that_stay_bytes_or_are_read_as_what_they_are_pass(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(LATIN_1,)], "b binary")
    kept = F.struct(F.expr("concat(b, b)").alias("bytes"), F.expr("decode(b, 'ISO-8859-1')").alias("text"))
    (row,) = frame.select(try_eval(kept, is_exact=True).alias("tried")).collect()
    assert (bytes(row["tried"]["bytes"]), row["tried"]["text"]) == (LATIN_1 * 2, "cé")


def test_it_is_part_of_the_code_that_spark_generates(spark: SparkSession) -> None:
    plan = divided(spark, 1).select(parts(100 / F.col("n")).alias("it"))._jdf.queryExecution().executedPlan().toString()
    assert plan.startswith("*(1) Project"), plan
