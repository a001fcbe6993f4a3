"""A column that was dropped or renamed: the views that use it are stopped and say so, the others go on."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from penstock_views.change.envelope import Writer
from penstock_views.output.derive import Plan, StoppedView, derive
from penstock_views.output.evaluate import GONE_TEXT
from pyspark.sql import SparkSession

from tests.unit.engine import cdc
from tests.unit.engine.aggregates.test_query import people
from tests.unit.engine.cdc import Emitted, Record, change, envelope, wire
from tests.unit.engine.conftest import SAMPLE, SAMPLE_KINDS, WRITERS, as_emitted, make_plan, raw_frame
from tests.unit.engine.output.test_derive import ANN

WITHOUT_NOTE = {name: kind for name, kind in cdc.PEOPLE.items() if name != "note"}
ANN_WITHOUT_NOTE = {name: value for name, value in ANN.items() if name != "note"}
ALTERED = (*WRITERS, Writer(7, cdc.schema_text(WITHOUT_NOTE)))


def event(op: str, before: Any, after: Any) -> bytes:
    return wire(7, envelope(WITHOUT_NOTE), change(op, before, after))


def run(spark: SparkSession, plan: Plan, *values: bytes) -> list[Emitted]:
    frame = raw_frame(spark, [Record(500 + number, value) for number, value in enumerate(values)])
    return [as_emitted(row) for row in derive(frame, plan).collect()]


def reasons(emitted: list[Emitted]) -> list[str]:
    return [one.headers["__connect.errors.exception.message"] for one in emitted if one.topic == "dead-letters.views"]


@pytest.fixture(scope="module")
def altered(spark: SparkSession) -> Plan:
    return make_plan(spark, SAMPLE, ALTERED)


@pytest.mark.parametrize(
    ("op", "before", "after"),
    [("c", None, ANN_WITHOUT_NOTE), ("u", ANN_WITHOUT_NOTE, ANN_WITHOUT_NOTE), ("d", ANN_WITHOUT_NOTE, None)],
)
def test_a_view_that_uses_the_column_misses_no_change_in_silence(
    spark: SparkSession, altered: Plan, op: str, before: Any, after: Any
) -> None:
    emitted = run(spark, altered, event(op, before, after))
    (reason,) = reasons(emitted)
    assert reason == f"view adults_by_name cannot compute: note: {GONE_TEXT}"
    assert [one.topic for one in emitted if "version" in one.headers] == ["views.people_by_id"]


def test_what_was_written_before_the_change_is_read_as_it_was(spark: SparkSession, altered: Plan) -> None:
    emitted = run(spark, altered, wire(6, envelope(cdc.PEOPLE), change("d", ANN, None)))
    assert {one.topic for one in emitted} == {"views.people_by_id", "views.adults_by_name"}


def test_a_column_that_came_later_is_null_before(spark: SparkSession) -> None:
    plan = make_plan(spark, SAMPLE, (ALTERED[2], Writer(8, cdc.schema_text(cdc.PEOPLE))))
    assert reasons(run(spark, plan, event("c", None, ANN_WITHOUT_NOTE))) == []


def test_a_history_of_whole_rows_goes_on(spark: SparkSession) -> None:
    plan = make_plan(spark, SAMPLE_KINDS, ALTERED)
    emitted = run(spark, plan, event("c", None, ANN_WITHOUT_NOTE))
    output = next(output for output in plan.outputs if output.view.name == "people_history")
    (entry,) = [one for one in emitted if one.topic == "views.people_history"]
    assert entry.value is not None
    _, row = cdc.unwire(output.value.schema, entry.value)
    assert json.loads(row["after"])["note"] is None


def test_a_view_that_was_stopped_tells_each_change_that_it_misses(spark: SparkSession, altered: Plan) -> None:
    stays, stops = sorted(altered.outputs, key=lambda output: output.view.name, reverse=True)
    plan = replace(altered, outputs=(stays,), stopped=(StoppedView(stops.view, "it is stopped"),))
    emitted = run(spark, plan, event("c", None, ANN_WITHOUT_NOTE), b"garbage")
    assert reasons(emitted).count("it is stopped") == 1
    assert len(reasons(emitted)) == 2
    assert [one.topic for one in emitted if "version" in one.headers] == [stays.view.topic]


def test_an_aggregate_counts_nothing_of_it_and_says_so(spark: SparkSession) -> None:
    columns = {name: kind for name, kind in cdc.PEOPLE.items() if name != "score"}
    ann = {name: value for name, value in ANN.items() if name != "score"}
    plan = make_plan(spark, SAMPLE_KINDS, (*WRITERS, Writer(7, cdc.schema_text(columns))))
    (output,) = plan.aggregates
    events = [change("c", None, ann, lsn=2000), change("d", ann, None, lsn=2000)]
    records = [Record(number, wire(7, envelope(columns), one), epoch="2") for number, one in enumerate(events)]
    assert people(spark, plan, output, records[:1]) == people(spark, plan, output, records[1:]) == 0
    said = reasons([as_emitted(row) for row in derive(raw_frame(spark, records), plan).collect()])
    assert said == [f"view people_by_name cannot compute: score: {GONE_TEXT}"] * 2
