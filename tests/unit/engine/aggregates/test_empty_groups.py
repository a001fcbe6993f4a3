"""A run goes on without the groups that have no rows: same totals, and versions that only rise."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from penstock_views.aggregates.empty_groups import FEWEST, drop_empty_groups, groups_of, is_worth
from penstock_views.aggregates.run import Run, current_run, prepare_next_run, start_run
from penstock_views.output.derive import AggregateOutput, Plan
from penstock_views.output.grouping import CHANGES, ROWS
from penstock_views.snapshot.seen import Snapshot
from penstock_views.stream.optimized import optimized
from pyspark.sql import DataFrame, SparkSession

HDFS = "org.apache.spark.sql.execution.streaming.state.HDFSBackedStateStoreProvider"
ROCKS_DB = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
PLACE = ("app.public.people", 0)
CHANGELOG = "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled"
PARTITIONS = "spark.sql.shuffle.partitions"
PROVIDER = "spark.sql.streaming.stateStore.providerClass"

Sums = tuple[str, int, int, int, int, Decimal | None, int, Decimal | None, int, int | None, int]
"""Of a group, in the order of its measures: name, rows, changes, people, adults, then each total and its number."""


@pytest.fixture(scope="module")
def output(kinds: Plan) -> AggregateOutput:
    (found,) = kinds.aggregates
    return found


@pytest.fixture
def run(output: AggregateOutput, tmp_path: Path) -> Run:
    """Start a run that counts from offset 100 on."""
    prepare_next_run(tmp_path)
    ends, measures = {PLACE: 100}, output.grouping.measures.json()
    started = Run(tmp_path / f"life-{207:020}", output.view.revision, 1, Snapshot(9, (), 1), ends, ends, 207, measures)
    start_run(started)
    return started


def sums(name: str, rows: int, changes: int, score: str | None, age: int | None) -> Sums:
    total = None if score is None else Decimal(score)
    return (
        name,
        rows,
        changes,
        rows,
        rows,
        total,
        0 if total is None else rows,
        None,
        0,
        age,
        0 if age is None else rows,
    )


def count(
    spark: SparkSession, output: AggregateOutput, run: Run, rows: list[Sums]
) -> dict[str, tuple[int | Decimal | None, ...]]:
    """Add to the sums of a run in its query, as the job does; return the sums of each group that was touched."""
    measures = output.grouping.measures
    folder = run.folder / "added"
    spark.createDataFrame(rows, measures).write.mode("append").parquet(str(folder))
    grouping = output.grouping
    found: dict[str, tuple[int | Decimal | None, ...]] = {}
    frame = spark.readStream.schema(measures).parquet(str(folder))
    if run.baseline.exists():
        frame = frame.unionByName(spark.readStream.schema(measures).parquet(str(run.baseline)))

    def take(batch: DataFrame, _: int) -> None:
        for row in batch.collect():
            found[row["name"]] = (row[ROWS], row[CHANGES], row["score:sum"], row["score:number"], row["age:sum"])

    writer = optimized(grouping.add_up(frame)).writeStream.foreachBatch(take).outputMode("update")
    query = writer.trigger(availableNow=True).option("checkpointLocation", str(run.checkpoint)).start()
    query.awaitTermination()
    return found | {"groups": (groups_of(query),)}


@pytest.mark.parametrize(("provider", "partitions"), [pytest.param(HDFS, "1", marks=pytest.mark.slow), (ROCKS_DB, "3")])
def test_a_run_goes_on_without_empty_groups(
    spark: SparkSession, output: AggregateOutput, run: Run, provider: str, partitions: str
) -> None:
    spark.conf.set(PROVIDER, provider)
    spark.conf.set(CHANGELOG, "true")
    spark.conf.set(PARTITIONS, partitions)
    try:
        started = [sums("Ann", 2, 2, "1.5000", 40), sums("Bo", 1, 1, None, None), sums("Cy", 1, 1, "7.2500", 9)]
        assert count(spark, output, run, started)["groups"] == (3,)
        # As after an upgrade: a checkpoint goes on with the kind of state that it has.
        spark.conf.set(PROVIDER, ROCKS_DB)
        gone = count(spark, output, run, [sums("Cy", -1, 1, "-7.2500", -9)])
        assert gone["Cy"][:2] == (0, 2)
        starts, ends = {PLACE: 104}, {PLACE: 106}
        after = drop_empty_groups(spark, run, output.grouping, starts, ends)
        next_run = current_run(run.folder.parent)
        assert next_run is not None
        assert replace(next_run, measures=after.measures) == after
        assert not run.folder.exists()
        assert (after.starts, after.ends, after.number) == (starts, ends, 207 + 2 * 6)
        assert after.folder.name == f"life-{219:020}"
        found = count(spark, output, after, [sums("Bo", 1, 1, "2.0000", None), sums("Cy", 1, 1, "3.0000", None)])
    finally:
        spark.conf.unset(PROVIDER)
        spark.conf.unset(CHANGELOG)
        spark.conf.set(PARTITIONS, "1")
    assert list(after.checkpoint.glob("state/0/0/*.changelog"))
    assert found == {
        "groups": (3,),
        "Ann": (2, 0, Decimal("1.5000"), 2, 40),
        "Bo": (2, 1, Decimal("2.0000"), 1, None),
        "Cy": (1, 1, Decimal("3.0000"), 1, None),
    }


def test_no_version_of_before_is_above_the_first_of_the_next(run: Run) -> None:
    most = run.first_version + 2 * (106 - 100)
    assert run.followed({PLACE: 104}, {PLACE: 106}).first_version == most
    grown = replace(run, ends={PLACE: 100, ("app.public.people", 1): 5}).followed({}, {PLACE: 101})
    assert grown.number == 207 + 2 * (101 - 105)


@pytest.mark.parametrize(
    ("groups", "started_with", "expected"),
    [(FEWEST - 1, 0, False), (FEWEST, 0, True), (2 * FEWEST, FEWEST, True), (2 * FEWEST - 1, FEWEST, False)],
)
def test_it_is_worth_while_when_groups_have_doubled(groups: int, started_with: int, expected: bool) -> None:
    assert is_worth(groups, started_with) is expected
