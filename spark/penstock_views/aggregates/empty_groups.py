"""Drops groups without rows: a run goes on as another one that holds only the groups which have some.

Spark's state keeps a group for good, and with an hour as the key there is no end of them. One group alone cannot be
forgotten: the number of its changes makes its versions, and those may only rise. The run that follows has the same
snapshot. Its baseline is what is committed, and its records begin where that ends. Its number is above all versions of
before (docs/contracts.md, "What is counted").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.streaming.query import StreamingQuery

from penstock.offsets import Place
from penstock_views.aggregates.run import Run, prepare_next_run, start_run
from penstock_views.output.grouping import CHANGES, ROWS, Grouping

FEWEST = 100_000
"""Fewer groups are left alone, a few MB on disk."""


def groups_of(query: StreamingQuery) -> int:
    """Say how many groups a query holds, those without rows too; 0 before its first micro-batch."""
    progress = query.lastProgress
    return sum(state["numRowsTotal"] for state in progress["stateOperators"]) if progress else 0


def count_groups(spark: SparkSession, run: Run) -> int:
    """Count the groups that a run started with."""
    return spark.read.parquet(str(run.baseline.absolute())).count()


def is_worth(groups: int, started_with: int) -> bool:
    """Return whether so many groups were added to those that a run started with that half of them may be empty.

    What really grows is written again once for each time that it doubles, so at most once more for each group.
    """
    return groups >= max(FEWEST, 2 * started_with)


def drop_empty_groups(
    spark: SparkSession, run: Run, grouping: Grouping, starts: Mapping[Place, int], ends: Mapping[Place, int]
) -> Run:
    """Start the run that goes on without the groups that have no rows; no query may run on the one before.

    :param starts: the offsets that the last committed micro-batch has read to.
    :param ends: where the topic ends now; what was read to there and not committed had lower versions.
    """
    baseline = prepare_next_run(run.folder.parent) / "baseline"
    sums = _committed(spark, run, grouping).where(F.col(ROWS) > 0)
    sums.withColumn(CHANGES, F.lit(0).cast(T.LongType())).coalesce(1).write.parquet(str(baseline.absolute()))
    following = run.followed(starts, ends)
    start_run(following)
    return following


def _committed(spark: SparkSession, run: Run, grouping: Grouping) -> DataFrame:
    """Read the sums of the last committed micro-batch out of Spark's state."""
    state = spark.read.format("statestore").load(str(run.checkpoint.absolute()))
    key, value = (_numbered(state.select(f"{name}.*").schema) for name in ("key", "value"))
    numbered = state.select(F.col("key").cast(key).alias("key"), F.col("value").cast(value).alias("value"))
    keys = [F.col(f"key.{name}") for name in key.names]
    named = zip(grouping.measures.fields, [*keys, *_sums(value)], strict=True)
    return numbered.select(*[column.cast(field.dataType).alias(field.name) for field, column in named])


def _numbered(struct: T.StructType) -> T.StructType:
    """Name the parts of a struct by their places: Spark calls each sum `sum`."""
    return T.StructType([T.StructField(f"c{place}", field.dataType) for place, field in enumerate(struct.fields)])


def _sums(value: T.StructType) -> Iterator[Column]:
    """Find the sums in a group's state: that of decimals has a flag beside it, of whether there were none."""
    fields = iter(value.fields)
    for field in fields:
        total = F.col(f"value.{field.name}")
        is_decimal = isinstance(field.dataType, T.DecimalType)
        yield F.when(~F.col(f"value.{next(fields).name}"), total) if is_decimal else total
