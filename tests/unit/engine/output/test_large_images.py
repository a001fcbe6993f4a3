"""A value that the source has left out, a row that no record holds, and what a dead letter keeps of a large record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from penstock_views.declaration.views import Image, Row, row, view, whole
from penstock_views.declaration.views import history as history_of
from penstock_views.output.derive import Plan, StoppedView, derive
from penstock_views.snapshot.expected import evaluate_rows
from penstock_views.types.encodings import REFUSED
from penstock_views.types.sizes import left_out_of
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from penstock import sizes
from tests.unit.engine import cdc
from tests.unit.engine.cdc import Emitted, Record, change, envelope, wire
from tests.unit.engine.conftest import Engine, as_emitted, raw_frame
from tests.unit.engine.output.test_derive import ANN

NOTE = "note=9000000 bytes (a row holds at most 7864320)"
SMALL = ANN | {"note": None}


def event(op: str, old: Any, new: Any, **left_out: str) -> Record:
    return Record(500, wire(6, envelope(cdc.PEOPLE), change(op, old, new)), left_out=left_out)


def of_view(emitted: list[Emitted], view: str) -> list[bool]:
    """Say of each record of a view whether it is a row; else it is a delete."""
    return [one.value is not None for one in emitted if one.topic == f"views.{view}"]


def reasons(emitted: list[Emitted]) -> list[str]:
    return [one.headers["__connect.errors.exception.message"] for one in emitted if one.topic == "dead-letters.views"]


def test_what_is_left_out_is_never_taken_for_null(engine: Engine) -> None:
    emitted = engine([event("u", ANN, SMALL, after=NOTE)])
    assert of_view(emitted, "people_by_id") == [True]  # it does not use the column
    assert of_view(emitted, "adults_by_name") == [False]
    (reason,) = reasons(emitted)
    assert reason.startswith("view adults_by_name cannot compute: note; public.people holds")
    assert reason.endswith("note = 9000000 bytes (a row holds at most 7864320)")


@pytest.mark.parametrize(
    ("record", "written", "letters"),
    [
        (event("u", SMALL, SMALL, before=NOTE, after=NOTE), [], 1),
        (event("u", SMALL, ANN, before=NOTE), [True], 0),
        (event("d", SMALL, None, before=NOTE), [], 0),
        (event("c", None, SMALL, after=NOTE), [], 1),
    ],
    ids=["stays", "shrinks", "goes", "comes"],
)
def test_an_old_row_fails_where_it_failed_as_a_new_one(
    engine: Engine, record: Record, written: list[bool], letters: int
) -> None:
    emitted = engine([record])
    assert of_view(emitted, "adults_by_name") == written
    assert len(reasons(emitted)) == letters
    assert len(of_view(emitted, "people_by_id")) == 1


def test_what_else_is_refused_of_the_row_is_reported_too(engine: Engine) -> None:
    emitted = engine([event("c", None, SMALL | {"seen": "infinity"}, after=NOTE)])
    by_id, by_name = sorted(reasons(emitted), key=lambda reason: "adults" in reason)
    assert "cannot compute: seen" in by_id
    assert "cannot compute: seen, note" in by_name
    assert "seen = infinity" in by_name


def test_a_history_ends_where_the_row_cannot_be_held(spark: SparkSession, kinds: Plan) -> None:
    emitted = run(spark, kinds, event("u", ANN, SMALL, after=NOTE))
    assert of_view(emitted, "people_history") == [True]
    assert of_view(emitted, "adults_history") == [True]
    assert [reason.split(";")[0] for reason in reasons(emitted)] == ["view people_history cannot compute: note"]


def test_a_large_record_is_not_copied_into_its_letters(spark: SparkSession, plan: Plan) -> None:
    (small,) = letters(run(spark, plan, event("c", None, ANN | {"age": 0})))
    assert small.value is not None
    assert small.key == b"the key"
    (large,) = letters(run(spark, plan, event("c", None, ANN | {"age": 0, "note": "n" * sizes.WHOLE_LETTER_BYTES})))
    assert (large.key, large.value) == (b"the key", None)
    assert large.headers["__connect.errors.offset"] == "500"


def test_a_stopped_view_copies_no_change(spark: SparkSession, plan: Plan) -> None:
    stays, stops = sorted(plan.outputs, key=lambda output: output.view.name, reverse=True)
    stopped = replace(plan, outputs=(stays,), stopped=(StoppedView(stops.view, "it is stopped"),))
    (letter,) = letters(run(spark, stopped, event("c", None, ANN)))
    assert (letter.key, letter.value) == (b"the key", None)


@view("public.docs", key=["id"])
def twice(d: Image) -> Row:
    """Hold a text two times."""
    return row(id=d.id, first=d.body, second=d.body)


@view("public.docs", key=["id"])
def computed(d: Image) -> Row:
    """Hold bytes that are larger than the text."""
    return row(id=d.id, body=F.concat(d.body, d.body, d.body).cast("binary"), parts=F.array(d.body))


@history_of("public.docs", key=["id"])
def kept(d: Image) -> Row:
    """Keep every change."""
    return whole(d)


@pytest.mark.parametrize(
    ("declared", "body", "problem"),
    [
        (twice, ("a", sizes.VIEW_ROW_BYTES // 2), None),
        (twice, ("a", sizes.VIEW_ROW_BYTES // 2 + 1), "view twice: a row of 15728642 bytes, 15728640"),
        (twice, (None, 1), None),
        (computed, ("a", 3_900_000), None),
        (computed, ("a", 4_000_000), "view computed: a row of 16000008 bytes"),
        (kept, ("a", sizes.HISTORY_ROW_BYTES - 100), None),
        (kept, ("a", sizes.HISTORY_ROW_BYTES), "view kept: a row of 7864338 bytes as JSON, 7864320"),
        (kept, ("\x01", 2_000_000), "view kept: a row of 12000018 bytes as JSON"),
    ],
)
def test_a_row_that_no_record_of_the_view_holds_is_refused(
    spark: SparkSession, declared: Any, body: tuple[str | None, int], problem: str | None
) -> None:
    images = spark.range(1).select(
        F.lit(1).alias("id"),
        F.repeat(F.lit(body[0]).cast("string"), body[1]).alias("body"),
        F.lit(None).cast(REFUSED.dataType).alias(REFUSED.name),
    )
    evaluated = evaluate_rows(declared, images)
    assert evaluated.rows.count() == (0 if problem else 1)
    texts = [row["problem"] for row in evaluated.rejected.select("problem").collect()]
    assert [text[: len(problem or "")] for text in texts] == ([problem] if problem else [])


MOST = sizes.IMAGE_BYTES


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"body": MOST, "note": 256, "id": 256}, []),
        ({"body": MOST, "note": 257, "id": 4}, ["body"]),
        ({"body": MOST + 1, "note": None, "id": 4}, ["body"]),
        ({"body": 3_000_000, "note": 5_000_000, "other": 6_000_000, "id": 4}, ["other", "note"]),
        ({"body": 5_000_000, "note": 5_000_000, "id": 4}, ["body"]),
        ({"body": 6_000_000, "note": 1, "id": 7_000_000}, ["body"]),
    ],
)
def test_verify_leaves_out_what_the_source_leaves_out(
    spark: SparkSession, given: dict[str, int | None], expected: list[str]
) -> None:
    """The same cases as in LargeImagesTest.java."""
    columns = {name: F.lit(size).cast("bigint") for name, size in given.items()}
    ((found,),) = spark.range(1).select(left_out_of(columns, ["id"])).collect()
    assert sorted(found or {}) == sorted(expected)
    assert all(text == f"{given[name]} bytes (a row holds at most {MOST})" for name, text in (found or {}).items())


def run(spark: SparkSession, plan: Plan, record: Record) -> list[Emitted]:
    return [as_emitted(row) for row in derive(raw_frame(spark, [record]), plan).collect()]


def letters(emitted: list[Emitted]) -> list[Emitted]:
    return [one for one in emitted if one.topic == "dead-letters.views"]
