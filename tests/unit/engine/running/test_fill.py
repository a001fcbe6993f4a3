"""A fill writes each row as a read at the last offset before its snapshot would be written."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from penstock_views.output.derive import Plan, derive
from penstock_views.running.fill import Filling
from penstock_views.snapshot.postgres import Postgres
from penstock_views.stream.optimized import optimized
from penstock_views.types.encodings import REFUSED
from pyspark.sql import DataFrame, SparkSession

from tests.unit.engine import cdc
from tests.unit.engine.cdc import Emitted, Record, change, envelope, wire
from tests.unit.engine.conftest import as_emitted, make_plan, raw_frame

A, B = (f"00000000-0000-4000-8000-00000000000{letter}" for letter in "ab")
SEEN = dt.datetime(2026, 11, 23, 11, 39, 29, 123000, tzinfo=dt.UTC)
ANN = (A, "Ann", 40, Decimal("1.2345"), dt.date(1980, 1, 1), SEEN, '{"a": 1}', None)
BABY = (B, "Baby", 0, None, None, None, None, None)
COLUMNS = [(n, name, "text", False, None, False, name == "id") for n, name in enumerate(cdc.PEOPLE, 1)]
FIRST = 2**52


def images(spark: SparkSession, plan: Plan, *rows: tuple[Any, ...]) -> DataFrame:
    image = plan.source.image
    assert image.names == [*cdc.PEOPLE, REFUSED.name]
    return spark.createDataFrame(list(rows), image)


def filling(plan: Plan, offset: int = 41, epoch: int = 2) -> Filling:
    outputs = [output for output in plan.outputs if output.view.name != "people_by_name"]
    nowhere = Postgres("127.0.0.1", 1, "none", "nobody")
    at = ((cdc.TOPIC, 0), offset)
    return Filling("public.people", COLUMNS, nowhere, outputs, "dead-letters.views", epoch, at, 77, cdc.COMMITTED_MS)


def run(spark: SparkSession, plan: Plan, *rows: tuple[Any, ...], offset: int = 41) -> list[Emitted]:
    records = filling(plan, offset).records(images(spark, plan, *rows))
    return [as_emitted(row) for row in optimized(records).collect()]


def test_rows_have_the_version_of_the_last_offset_in_their_views_generation(spark: SparkSession, plan: Plan) -> None:
    found = {one.topic: one for one in run(spark, plan, ANN)}
    assert found.keys() == {"views.people_by_id", "views.adults_by_name"}
    assert found["views.people_by_id"].version == 4 * FIRST + 41  # epoch 2, revision 3
    assert found["views.adults_by_name"].version == 2 * FIRST + 41
    assert {one.headers["lsn"] for one in found.values()} == {"77"}
    output = next(each for each in plan.outputs if each.view.name == "people_by_id")
    _, row = cdc.unwire(output.value.schema, found["views.people_by_id"].value or b"")
    assert (str(row["id"]), row["name"], row["score"]) == (A, "Ann", Decimal("1.2345"))


def test_of_an_empty_topic_the_version_is_below_every_one_of_the_generation(spark: SparkSession, plan: Plan) -> None:
    versions = {one.topic: one.version for one in run(spark, plan, ANN, offset=-1)}
    assert versions == {"views.people_by_id": 4 * FIRST - 1, "views.adults_by_name": 2 * FIRST - 1}


def test_a_row_that_is_rejected_is_a_dead_letter_that_names_it(spark: SparkSession, plan: Plan) -> None:
    (letter,) = run(spark, plan, BABY)
    reasons = {name.removeprefix("__connect.errors."): text for name, text in letter.headers.items()}
    assert letter.topic == "dead-letters.views"
    assert reasons == {
        "topic": cdc.TOPIC,
        "partition": "0",
        "offset": "41",
        "connector.name": "views",
        "stage": "VIEW",
        "exception.message": f"view people_by_id cannot compute: share; the row: id={B}",
    }


def test_a_row_on_which_a_column_fails_that_stands_twice_stops_no_other(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "twice.py").write_text(TWICE)
    plan = make_plan(spark, tmp_path)
    lost = (B, "Baby", 3, Decimal("1.5"), None, None, None, {"born": "infinity"})
    found = {one.topic: one for one in run(spark, plan, ANN, lost)}
    assert found.keys() == {"views.twice", "dead-letters.views"}
    reason = found["dead-letters.views"].headers["__connect.errors.exception.message"]
    assert reason.startswith("view twice cannot compute: born, year; public.people holds what no view can")


TWICE = """
from penstock_views import row, view
from pyspark.sql import functions as F

@view("public.people", key=["id"])
def twice(u):
    return row(id=u.id, born=u.born, year=F.year(u.born))
"""


def test_a_history_gets_one_entry_that_it_was_read(spark: SparkSession, kinds: Plan) -> None:
    (one,) = [each for each in run(spark, kinds, ANN) if each.topic == "views.people_history"]
    output = next(each for each in kinds.outputs if each.view.name == "people_history")
    _, entry = cdc.unwire(output.value.schema, one.value or b"")
    assert (entry["op"], entry["before"], entry["changed"], entry["tx_id"]) == ("r", None, None, None)
    assert entry["version"] == one.version == 2 * FIRST + 41
    assert json.loads(entry["after"])["name"] == "Ann"


@pytest.mark.parametrize("name", ["people_by_id", "adults_by_name"])
def test_the_records_are_those_of_the_stream(spark: SparkSession, plan: Plan, name: str) -> None:
    """A read of the same row at the same offset, in the change stream, gives the very bytes."""
    row = {"id": A, "name": "Ann", "age": 40, "score": Decimal("1.2345"), "born": 3652}
    row |= {"seen": "2026-11-23T11:39:29.123Z", "note": '{"a": 1}'}
    record = Record(41, wire(6, envelope(cdc.PEOPLE), change("r", None, row)), epoch="2")
    streamed = [as_emitted(each) for each in derive(raw_frame(spark, [record]), plan).collect()]
    filled = run(spark, plan, ANN)
    assert [one for one in streamed if one.topic == f"views.{name}"] == [
        one for one in filled if one.topic == f"views.{name}"
    ]
