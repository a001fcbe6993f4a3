"""An aggregate equals what SQL would say of the final table, wherever in a history its baseline was taken."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from penstock_views.aggregates.query import make_records, measure_changes, new_epoch
from penstock_views.aggregates.run import Run, current_run, is_in_place, prepare_next_run, run_number, start_run
from penstock_views.change.decode import decode
from penstock_views.change.source import IMAGES
from penstock_views.output.derive import AggregateOutput, Plan, derive
from penstock_views.snapshot.expected import evaluate_rows, measure_rows
from penstock_views.snapshot.held import HeldSnapshot
from penstock_views.snapshot.seen import Snapshot
from penstock_views.stream.optimized import optimized
from penstock_views.types.encodings import REFUSED
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from penstock.contract import OFFSETS_PER_GENERATION
from tests.unit.engine import cdc
from tests.unit.engine.cdc import Emitted, Record, change, envelope, wire
from tests.unit.engine.conftest import as_emitted, raw_frame

FIRST_XID = 3 * 2**32 - 6
"""So that the transactions of a test run over a full circle of 32-bit ids."""

END = 3
"""Where the topic ended when the run of a test began."""

Table = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def output(kinds: Plan) -> AggregateOutput:
    (found,) = kinds.aggregates
    return found


def run_of(output: AggregateOutput, snapshot: Snapshot, epoch: int = 1) -> Run:
    ends = {(cdc.TOPIC, 0): END}
    return Run(Path("unused"), output.view.revision, epoch, snapshot, {}, ends, 10, output.grouping.measures.json())


# --- a random history, cut anywhere by a snapshot, against a plain model ---


Step = tuple[str, int, str | None, int | None, Decimal | None]


@dataclass(frozen=True)
class History:
    """Transactions in the order of their commits, each a list of steps; and what the snapshot has seen of them."""

    transactions: list[list[Step]]
    order: int
    seen: int
    straddling: int


_KEYS = 18
_NAMES = ["Ann", "Bo", "Cy", "Di", "Ed", "Flo", "Gus", "Hal", "Ida", None]


def history_of(seed: int) -> History:
    """Make a history by chance."""
    chance = random.Random(seed)  # noqa: S311 - data, not secrets
    transactions = [[step_of(chance) for _ in range(chance.randint(1, 5))] for _ in range(chance.randint(40, 120))]
    return History(transactions, chance.randint(0, 2**32), chance.randint(0, len(transactions)), chance.randint(0, 3))


def step_of(chance: random.Random) -> Step:
    score = chance.choice([None, Decimal(chance.randint(-9_990_000, 9_990_000)).scaleb(-4)])
    action = chance.choice(["put", "put", "put", "move", "delete", "again"])
    age = chance.choice([0, 3, 7, 17, 18, 40, None])
    return action, chance.randrange(_KEYS), chance.choice(_NAMES), age, score


def run(table: Table, step: Step) -> list[Any]:
    """Run one step on a table, and write down its changes as Debezium does: (op, before, after)."""
    action, number, name, age, score = step
    key = f"00000000-0000-4000-8000-{number:012}"
    old = table.get(key)
    if action == "put":
        rest = {"born": None, "seen": None, "note": None}
        table[key] = {"id": key, "name": name, "age": age, "score": score} | rest
        return [("u" if old else "c", old, table[key])]
    if old is None:
        return []
    if action == "again":
        return [("r", None, old)]
    del table[key]
    if action == "move":
        target = f"00000000-0000-4000-8000-{(number + 1) % _KEYS:012}"
        if target not in table:
            table[target] = old | {"id": target}
            return [("d", old, None), ("c", None, table[target])]
    return [("d", old, None)]


def model(table: Table) -> dict[str, tuple[Any, ...]]:
    """Compute the aggregate as SQL would."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in table.values():
        if row["name"] is not None and row["age"] not in {0, 17}:
            groups.setdefault(row["name"], []).append(row)
    return {name: totals(name, rows) for name, rows in groups.items()}


def totals(name: str, rows: list[dict[str, Any]]) -> tuple[Any, ...]:
    ages = [row["age"] for row in rows if row["age"] is not None]
    scores = [row["score"] for row in rows if row["score"] is not None]
    shares = [(Decimal(100) / age).quantize(Decimal("0.01"), ROUND_HALF_UP) for age in ages]
    adults = len([age for age in ages if age >= 18])
    return name, len(rows), adults, sum(scores) if scores else None, mean(shares, 8), mean(ages, 6)


def mean(values: Sequence[Decimal | int], scale: int) -> Decimal | None:
    if not values:
        return None
    return (Decimal(sum(values)) / len(values)).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)


def baseline(spark: SparkSession, plan: Plan, output: AggregateOutput, table: Table) -> DataFrame:
    schema = plan.source.image
    images = spark.createDataFrame([tuple(row.get(name) for name in schema.names) for row in table.values()], schema)
    return measure_rows(output.grouping, evaluate_rows(output.view, images).rows)


def finished(output: AggregateOutput, measures: DataFrame) -> dict[str, tuple[Any, ...]]:
    """Add up and decode what would be written, deletes left out."""
    records = make_records(output.grouping.finish(output.grouping.add_up(measures)), output, run_of(output, SNAPSHOT))
    values = [row["value"] for row in records.collect() if row["value"] is not None]
    rows = [cdc.unwire(output.value.schema, bytes(value))[1] for value in values]
    return {row["name"]: tuple(row.values()) for row in rows}


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6))])
def test_baseline_and_changes_make_the_final_table(
    spark: SparkSession, kinds: Plan, output: AggregateOutput, seed: int
) -> None:
    history = history_of(seed)
    schema, count = envelope(cdc.PEOPLE), len(history.transactions)
    # Those just before the cut have their commit in the log, and the snapshot has not seen them yet.
    seen = max(0, min(history.seen, count) - history.straddling)
    xids = random.Random(history.order).sample(range(FIRST_XID, FIRST_XID + count), count)  # noqa: S311
    xmax = max(xids[:seen], default=FIRST_XID - 1) + 1
    running = tuple(xid for xid in xids[seen:] if xid < xmax)
    table: Table = {}
    then: Table = {}
    records: list[Record] = []
    for number, transaction in enumerate(history.transactions):
        if number == seen:
            then = dict(table)
        for step in transaction:
            for op, before, after in run(table, step):
                event = change(op, before, after, lsn=100 * number, tx_id=xids[number] % 2**32)
                records.append(Record(len(records), wire(6, schema, event)))
    if seen == count:
        then = dict(table)
    snapshot = Snapshot(xmax, running, lsn=100 * min(history.seen, count) + 50)
    changes = measure_changes(raw_frame(spark, records), kinds, output, run_of(output, snapshot))
    assert finished(output, baseline(spark, kinds, output, then).unionByName(changes)) == model(table)


# --- which records count ---

ANN: dict[str, Any] = {
    "id": "00000000-0000-4000-8000-00000000000a",
    "name": "Ann",
    "age": 40,
    "score": Decimal("1.5000"),
}
ANN |= {"born": None, "seen": None, "note": None}
SNAPSHOT = Snapshot(xmax=2**32 + 100, running=(2**32 + 50, 2**32 - 10), lsn=1000)


def people(spark: SparkSession, kinds: Plan, output: AggregateOutput, records: list[Record]) -> int:
    """Count what some records add to the number of people."""
    changes = measure_changes(raw_frame(spark, records), kinds, output, run_of(output, SNAPSHOT, epoch=2))
    found = changes.agg(F.sum("people:sum").alias("number")).collect()[0]["number"]
    return int(found or 0)


def inserted(tx_id: int, lsn: int, op: str = "c", epoch: str = "2", **columns: Any) -> Record:
    event = change(op, None, ANN | columns, lsn=lsn, tx_id=tx_id)
    return Record(0, wire(6, envelope(cdc.PEOPLE), event), epoch=epoch)


def test_only_what_the_snapshot_had_not_seen_counts(spark: SparkSession, kinds: Plan, output: AggregateOutput) -> None:
    seen = [inserted(99, 900), inserted(2**32 - 1, 1000), inserted(51, 10), inserted(2**31 + 101, 900)]
    running = [inserted(50, 900), inserted(2**32 - 10, 900)]
    later = [inserted(100, 900), inserted(5000, 1001), inserted(2**31 + 50, 900)]
    # A run can be longer than half a circle of ids: then the place in the log decides.
    half_a_circle_later = [inserted(99, 1001), inserted(2**31 + 150, 10**9)]
    assert [people(spark, kinds, output, each) for each in (seen, running, later, half_a_circle_later)] == [0, 2, 3, 2]


def test_a_snapshot_record_and_a_record_of_an_earlier_epoch_never_count(
    spark: SparkSession, kinds: Plan, output: AggregateOutput
) -> None:
    assert people(spark, kinds, output, [inserted(500, 2000, op="r"), inserted(500, 2000, epoch="1")]) == 0


def test_a_record_of_a_later_epoch_ends_the_run(spark: SparkSession, kinds: Plan, output: AggregateOutput) -> None:
    with pytest.raises(PySparkException) as failure:
        people(spark, kinds, output, [inserted(500, 2000, epoch="7")])
    assert new_epoch(str(failure.value)) == 7
    assert new_epoch("another failure") is None


@pytest.mark.parametrize(
    ("lost", "expected"),
    [(ANN | {"age": 0}, [-1, 1, 0]), (ANN | {"seen": "infinity"}, [0, 0, -1])],
    ids=["fails", "holds what no view can, in a column that this one does not use"],
)
def test_a_side_that_fails_takes_nothing_from_the_other(
    spark: SparkSession, kinds: Plan, output: AggregateOutput, lost: dict[str, Any], expected: list[int]
) -> None:
    events = [change("u", ANN, lost, lsn=2000), change("u", lost, ANN, lsn=2000), change("d", lost, None, lsn=2000)]
    values = [wire(6, envelope(cdc.PEOPLE), event) for event in events]
    counted = [people(spark, kinds, output, [Record(0, value, epoch="2")]) for value in values]
    assert counted == expected


@pytest.mark.parametrize(("column", "expected"), [("name", [-1, 1, 0]), ("note", [0, 0, -1])])
def test_a_side_of_which_a_used_column_was_left_out_takes_nothing_from_the_other(
    spark: SparkSession, kinds: Plan, output: AggregateOutput, column: str, expected: list[int]
) -> None:
    large, noted = ANN | {column: None}, f"{column}=9000000 bytes"
    events = [change("u", ANN, large, lsn=2000), change("u", large, ANN, lsn=2000), change("d", large, None, lsn=2000)]
    sides = ["after", "before", "before"]
    records = [
        Record(0, wire(6, envelope(cdc.PEOPLE), event), epoch="2", left_out={side: noted})
        for event, side in zip(events, sides, strict=True)
    ]
    assert [people(spark, kinds, output, [record]) for record in records] == expected


def groups_after(
    spark: SparkSession, kinds: Plan, output: AggregateOutput, events: list[dict[str, Any]], *, begin: int
) -> dict[str, Emitted]:
    """Make the records of the groups that some changes touch, which stand at the offsets from `begin` on."""
    run = run_of(output, SNAPSHOT, epoch=2)
    values = [wire(6, envelope(cdc.PEOPLE), event) for event in events]
    raw = raw_frame(spark, [Record(begin + number, value, epoch="2") for number, value in enumerate(values)])
    groups = output.grouping.finish(output.grouping.add_up(measure_changes(raw, kinds, output, run)))
    records = [as_emitted(row) for row in optimized(make_records(groups, output, run)).collect()]
    return {cdc.unwire(output.key.schema, record.key)[1]["name"]: record for record in records}


def test_a_group_without_rows_is_deleted(spark: SparkSession, kinds: Plan, output: AggregateOutput) -> None:
    events = [change("c", None, ANN, lsn=2000), change("d", ANN, None, lsn=2001)]
    (record,) = groups_after(spark, kinds, output, events, begin=END).values()
    assert cdc.unwire(output.key.schema, record.key) == (output.key_id, {"name": "Ann"})
    assert record.value is None


def test_each_row_that_comes_or_goes_raises_the_version_of_its_group(
    spark: SparkSession, kinds: Plan, output: AggregateOutput
) -> None:
    bo = ANN | {"name": "Bo"}
    events = [change("u", ANN, ANN, lsn=2000), change("u", ANN, bo, lsn=2001), change("u", bo, bo, lsn=2002)]
    found = groups_after(spark, kinds, output, events, begin=END)
    first = 3 * OFFSETS_PER_GENERATION + 10
    assert {name: record.version for name, record in found.items()} == {"Ann": first + 3, "Bo": first + 3}


def test_what_lies_before_the_ends_of_the_beginning_raises_no_version(
    spark: SparkSession, kinds: Plan, output: AggregateOutput
) -> None:
    events = [change("c", None, ANN, lsn=2000), change("u", ANN, ANN, lsn=2001)]
    found = groups_after(spark, kinds, output, events, begin=END - 1)
    assert found["Ann"].version == 3 * OFFSETS_PER_GENERATION + 10 + 2
    found = groups_after(spark, kinds, output, events, begin=END - 2)
    assert found["Ann"].version == 3 * OFFSETS_PER_GENERATION + 10


def test_only_the_columns_that_the_function_uses_are_decoded(kinds: Plan, output: AggregateOutput) -> None:
    source = kinds.read_by([output])
    assert source.image.names == ["name", "age", "score", REFUSED.name]


def test_that_a_row_is_there_is_known_without_any_of_its_columns(spark: SparkSession, kinds: Plan) -> None:
    source = kinds.source.only((), watches=False)
    events = [change("u", ANN, ANN), change("d", ANN, None)]
    raw = raw_frame(spark, [Record(0, wire(6, envelope(cdc.PEOPLE), event)) for event in events])
    rows = decode(raw, source, kinds.schemas, max_epoch=5).select("unreadable", *IMAGES).collect()
    there = [(row["unreadable"], *[row[image] is not None for image in IMAGES]) for row in rows]
    assert there == [(None, True, True), (None, True, False)]


def test_a_row_that_the_function_fails_on_is_a_dead_letter_of_the_views_job(spark: SparkSession, kinds: Plan) -> None:
    value = wire(6, envelope(cdc.PEOPLE), change("c", None, ANN | {"name": None}))
    emitted = [as_emitted(row) for row in derive(raw_frame(spark, [Record(0, value)]), kinds).collect()]
    letters = [one.headers for one in emitted if one.topic == "dead-letters.views"]
    reasons = [letter["__connect.errors.exception.message"] for letter in letters]
    assert reasons == ["view people_by_name: key column name is NULL"]


# --- runs ---


def test_numbers_rise_from_run_to_run_even_when_nothing_was_consumed() -> None:
    started, consumed = run_number({("t", 0): 10, ("t", 1): 5}, 700), 3
    # Each offset brought a row to one group and took one from it; between the runs Postgres counted on.
    assert run_number({("t", 0): 10 + consumed, ("t", 1): 5}, 701) > started + 2 * consumed
    assert run_number({("t", 0): 10, ("t", 1): 5}, 701) > started


def test_a_run_is_there_as_a_whole_or_not_at_all(output: AggregateOutput, tmp_path: Path) -> None:
    assert current_run(tmp_path) is None
    prepare_next_run(tmp_path)
    assert current_run(tmp_path) is None
    measures, starts = output.grouping.measures.json(), {("t", 0): 7, ("t", 1): 9}
    first = Run(tmp_path / "life-1", 2, 1, SNAPSHOT, starts, {("t", 0): 8, ("t", 1): 9}, 10, measures)
    start_run(first)
    found = current_run(tmp_path)
    assert found is not None
    assert (found.snapshot, found.starts, found.ends) == (SNAPSHOT, first.starts, first.ends)
    assert (found.number, found.folder) == (10, first.folder)
    prepare_next_run(tmp_path)
    start_run(Run(tmp_path / "life-2", 2, 4, SNAPSHOT, {}, {}, 20, first.measures))
    assert [path.name for path in tmp_path.iterdir()] == ["life-2"]


def test_a_run_of_an_older_penstock_is_followed_by_the_next(output: AggregateOutput, tmp_path: Path) -> None:
    prepare_next_run(tmp_path)
    start_run(Run(tmp_path / "life-1", 2, 1, SNAPSHOT, {}, {}, 10, output.grouping.measures.json()))
    file = tmp_path / "life-1" / "life.json"
    noted = json.loads(file.read_text())
    del noted["ends"]
    file.write_text(json.dumps(noted))
    assert current_run(tmp_path) is None


def test_a_run_that_was_moved_or_may_have_been_is_not_in_place(output: AggregateOutput, tmp_path: Path) -> None:
    root = tmp_path / "here"
    prepare_next_run(root)
    start_run(Run(root / "life-1", 2, 1, SNAPSHOT, {}, {}, 10, output.grouping.measures.json()))
    run = current_run(root)
    assert run is not None
    assert is_in_place(run)
    moved = current_run(root.rename(tmp_path / "there"))
    assert moved is not None
    assert not is_in_place(moved)
    file = moved.folder / "life.json"
    noted = json.loads(file.read_text())
    del noted["folder"]
    file.write_text(json.dumps(noted))
    assert not is_in_place(moved)


def test_a_transaction_that_ran_all_the_while_may_be_in_kafka_already() -> None:
    began = {50: 1_000, 2**32 - 10: None, 99: 2_000}
    assert HeldSnapshot(SNAPSHOT, "name", 1, dict(began)).straddlers() == [1_000, None]
    assert HeldSnapshot(SNAPSHOT, "name", 1, {7: 5}).straddlers() == []
    # The last that began of all: no later one has ended, so the snapshot's own list of running ones lacks it.
    assert HeldSnapshot(SNAPSHOT, "name", 1, {100: 7, 101: 8}).straddlers() == [7, 8]


def test_the_baseline_is_of_the_same_type_whatever_the_table_holds(
    spark: SparkSession, kinds: Plan, output: AggregateOutput
) -> None:
    assert baseline(spark, kinds, output, {}).schema.simpleString() == output.grouping.measures.simpleString()
    row = ANN | {"born": dt.date(1980, 1, 1)}
    held = baseline(spark, kinds, output, {ANN["id"]: row})
    assert held.schema.simpleString() == output.grouping.measures.simpleString()
    assert held.collect()[0]["share:sum"] == Decimal("2.50")
