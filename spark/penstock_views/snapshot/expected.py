"""Computes what views give for the rows of a table as they are in Postgres: the expected side of `penstock verify`.

Aggregates start from it too. The functions are those of the stream.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from penstock.names import in_spark
from penstock_views.declaration.totals import Aggregate
from penstock_views.declaration.views import View
from penstock_views.output.evaluate import Evaluation, add_evaluations
from penstock_views.output.grouping import ROWS, Grouping, grouping_of
from penstock_views.snapshot.images import name_row, read_images
from penstock_views.snapshot.postgres import Postgres

ABSENT = ":absent"
"""The column that says which source rows have no row: `struct<problem, example, rows>`; no view can have that name."""

_PROBLEM, _EXAMPLE = ":problem", ":example"


@dataclass(frozen=True)
class Expected:
    """What a view must hold (a history: in its newest entries), and the source rows that it cannot hold.

    :param rows: one column for each of the view's, key columns first.
    :param rejected: `image`, the source's row, and `problem`; the stream sends dead letters for these.
    """

    rows: DataFrame
    rejected: DataFrame


def expected_rows(spark: SparkSession, view: View, postgres: Postgres) -> Expected:
    """Compute a view from the table as it is in Postgres, with the functions that the stream uses."""
    images = read_images(spark, view.table, postgres)
    rows = evaluate_table(view, images).where(F.col(f"`{ABSENT}`").isNull()).drop(ABSENT)
    return Expected(rows, evaluate_rows(view, images).rejected)


def evaluate_table(view: View, images: DataFrame, example: Sequence[str] = ()) -> DataFrame:
    """Compute a view from a frame of canonical rows, and what has no row in it, in one reading.

    :param example: the columns by which a source row is named to people.
    :returns: the view's columns and ABSENT: NULL beside a row; for source rows without one, what they are.
    """
    judged = _judged(view, images)
    named = F.when(F.col("outcome.problem").isNotNull(), name_row("image", example)).alias(_EXAMPLE)
    kept = judged.where(F.col("outcome.row").isNotNull() | F.col("outcome.problem").isNotNull()).select(
        "outcome.row", F.col("outcome.problem").alias(_PROBLEM), named
    )
    if isinstance(view, Aggregate):
        return _grouped(view, images, kept)
    return kept.select("row.*", _absent(F.lit(1).cast(T.LongType())))


def _grouped(view: Aggregate, images: DataFrame, kept: DataFrame) -> DataFrame:
    """Add the rows up in their groups; those without a row in groups of their own, by their problem."""
    grouping = grouping_of(view, images.schema, kept.select("row.*").schema)
    measures = kept.select(*grouping.measure(F.col("row"), F.lit(1), F.lit(0)), _PROBLEM, _EXAMPLE)
    sums = grouping.add_up(measures, apart=[_PROBLEM], more=[F.min(_EXAMPLE).alias(_EXAMPLE)])
    groups = grouping.finish(sums, _absent(F.col(ROWS)))
    # What a column means is lost in the sum: digits would be a text.
    meant = [F.col(field.name).alias(field.name, metadata=field.metadata) for field in grouping.view_type.fields]
    return groups.select(*meant, ABSENT)


def _absent(rows: Column) -> Column:
    """Say of source rows that have no row in the view why, which is one of them, and how many they are."""
    absence = F.struct(F.col(_PROBLEM).alias("problem"), F.col(_EXAMPLE).alias("example"), rows.alias("rows"))
    return F.when(F.col(_PROBLEM).isNotNull(), absence).alias(ABSENT)


def measure_rows(grouping: Grouping, rows: DataFrame) -> DataFrame:
    """Add up what the rows of an aggregate's function are in their groups."""
    each = rows.select(F.struct(*rows.columns).alias("row"))
    return grouping.add_up(each.select(*grouping.measure(F.col("row"), F.lit(1), F.lit(0))))


def evaluate_rows(view: View, images: DataFrame) -> Expected:
    """Compute what a view's function gives for each canonical row of a frame: for an aggregate, what each row adds."""
    judged = _judged(view, images)
    rows = judged.where(F.col("outcome.row").isNotNull()).select("outcome.row.*")
    rejected = judged.where(F.col("outcome.problem").isNotNull()).select("image", "outcome.problem")
    return Expected(rows, rejected)


def _judged(view: View, images: DataFrame) -> DataFrame:
    framed = images.select(F.struct(*map(in_spark, images.columns)).alias("image"))
    return add_evaluations(framed, [Evaluation(view, "image", "outcome")])
