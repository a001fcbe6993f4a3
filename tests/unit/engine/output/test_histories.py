"""A history says what happened: its entries are a chain from nothing to the row as it is."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from penstock_views.change.envelope import Writer
from penstock_views.declaration.views import History
from penstock_views.output.derive import Plan, derive
from penstock_views.stream.optimized import optimized
from pyspark.sql import SparkSession

from penstock.verify.history import NEWEST, TIMELINE, WHOLE, history_shape, normal, summaries
from tests.unit.engine import cdc
from tests.unit.engine.cdc import Emitted, Record, change, envelope, wire
from tests.unit.engine.conftest import as_emitted, make_plan, raw_frame
from tests.unit.engine.output.test_history import Table, histories_of, run_history

A = "00000000-0000-4000-8000-00000000000a"
ANN: dict[str, Any] = {"id": A, "name": "Ann", "age": 40, "score": Decimal("1.2345"), "born": 3652}
ANN |= {"seen": "2026-11-23T11:39:29.123456Z", "note": '{"a": 1}'}
TEXT = {
    "id": A,
    "name": "Ann",
    "age": 40,
    "score": 1.2345,
    "born": "1980-01-01",
    "seen": "2026-11-23T11:39:29.123456Z",
    "note": '{"a": 1}',
}


def run(spark: SparkSession, plan: Plan, events: list[dict[str, Any]]) -> list[Emitted]:
    schema = envelope(cdc.PEOPLE)
    records = [Record(offset, wire(6, schema, event)) for offset, event in enumerate(events)]
    return [as_emitted(row) for row in optimized(derive(raw_frame(spark, records), plan)).collect()]


def entries(plan: Plan, emitted: list[Emitted], view: str) -> list[dict[str, Any]]:
    """Decode a history's entries as the table holds them: by key, the newest first; a replay is the same row."""
    output = next(output for output in plan.outputs if output.view.name == view)
    mine = {one.key: one for one in emitted if one.topic == f"views.{view}"}
    found = []
    for one in mine.values():
        _, key = cdc.unwire(output.key.schema, one.key)
        _, value = cdc.unwire(output.value.schema, one.value or b"")
        assert {name: value[name] for name in key} == key
        assert value["version"] == one.version
        found.append(value | {"id": str(value["id"]), "row_version": one.version})
    return sorted(found, key=lambda entry: (entry["id"], -entry["version"]))


def test_each_kind_of_change_is_an_entry(spark: SparkSession, kinds: Plan) -> None:
    events = [
        change("r", None, ANN, lsn=70, tx_id=4_000_000_000),
        change("u", ANN, ANN | {"name": None, "age": 41}),
        change("u", ANN | {"name": None, "age": 41}, ANN | {"name": None, "age": 41}),
        change("d", ANN | {"name": None, "age": 41}, None),
    ]
    found = entries(kinds, run(spark, kinds, events), "people_history")[::-1]
    assert [entry["op"] for entry in found] == ["r", "u", "u", "d"]
    assert [entry["version"] - 2**52 for entry in found] == [0, 1, 2, 3]
    committed = dt.datetime.fromtimestamp(cdc.COMMITTED_MS / 1000, dt.UTC)
    assert (found[0]["lsn"], found[0]["tx_id"], found[0]["committed_at"]) == (70, 4_000_000_000, committed)
    assert [json.loads(entry["changed"] or "null") for entry in found] == [None, ["name", "age"], [], None]
    assert json.loads(found[0]["after"]) == TEXT
    assert list(json.loads(found[0]["after"])) == list(TEXT)
    assert json.loads(found[1]["after"]) == TEXT | {"name": None, "age": 41}
    assert [found[0]["before"], found[3]["after"]] == [None, None]


DIGITS = {"type": "string", "connect.parameters": {"__debezium.source.column.type": "NUMERIC"}}
SHARES = {
    "type": "array",
    "items": ["null", DIGITS],
    "connect.parameters": {"__debezium.source.column.type": "_NUMERIC"},
}
WIDE = cdc.PEOPLE | {"score": DIGITS, "shares": SHARES}


WHOLE_ROWS = """
from penstock_views import history, whole


@history("public.people", key=["id"])
def people_history(u):
    return whole(u)
"""


def test_a_numeric_is_a_number_whatever_its_limits(spark: SparkSession, tmp_path: Path) -> None:
    """As it is after `ALTER COLUMN … TYPE numeric`, which rewrites no row; and other texts of digits are texts."""
    writers = (Writer(6, cdc.schema_text(cdc.PEOPLE)), Writer(7, cdc.schema_text(WIDE)))
    (tmp_path / "people.py").write_text(WHOLE_ROWS)
    plan = make_plan(spark, tmp_path, writers)
    long = "1" * 60 + ".10"
    tricky = {"name": '"\\u00007\\u0000"', "note": "\\u00007\\u0000"}
    now = ANN | {"score": "1.2345", "shares": None}
    later = now | tricky | {"score": long, "shares": ["7.50", "8"]}
    last = later | {"score": None, "shares": []}
    records = [Record(0, wire(6, envelope(cdc.PEOPLE), change("c", None, ANN)))]
    records += [
        Record(1 + at, wire(7, envelope(WIDE), change("u", *images)))
        for at, images in enumerate([(now, later), (later, last)])
    ]
    emitted = [as_emitted(row) for row in optimized(derive(raw_frame(spark, records), plan)).collect()]
    found = entries(plan, emitted, "people_history")
    texts = [json.loads(entry["after"], parse_float=str, parse_int=str) for entry in found[::-1]]
    assert [(text["score"], text["shares"]) for text in texts] == [
        ("1.2345", None),
        (long, ["7.50", "8"]),
        (None, []),
    ]
    assert '"score":1.2345,' in found[1]["before"]
    assert f'"score":{long},' in found[0]["before"]
    assert '"shares":[7.50,8]' in found[0]["before"]
    assert {name: texts[-1][name] for name in tricky} == tricky
    (row,) = summaries(("id",), found, WIDE)
    assert row[TIMELINE] == WHOLE


def test_a_row_that_leaves_the_filter_or_fails_ends_and_begins_again(spark: SparkSession, kinds: Plan) -> None:
    young, failing = ANN | {"age": 17}, ANN | {"age": 0}
    events = [change("c", None, ANN), change("u", ANN, young), change("u", young, failing), change("u", failing, ANN)]
    found = entries(kinds, run(spark, kinds, events), "adults_history")[::-1]
    assert [(entry["op"], entry["version"] - 2 * 2**52) for entry in found] == [("c", 0), ("d", 1), ("c", 3)]


def test_a_replay_is_the_same_entry(spark: SparkSession, kinds: Plan) -> None:
    events = [change("c", None, ANN), change("u", ANN, ANN | {"age": 41})]
    once, again = (sorted(map(repr, run(spark, kinds, events))) for _ in range(2))
    assert once == again


def test_a_replay_under_a_later_revision_is_the_same_entry_and_wins(spark: SparkSession, kinds: Plan) -> None:
    ages = [change("u", ANN | {"age": age}, ANN | {"age": age + 1}) for age in (40, 41)]
    changes = [change("c", None, ANN), *ages, change("d", ANN | {"age": 42}, None)]
    before, after = (of_people(kinds, revision) for revision in (1, 3))
    once, again = (
        [one for one in run(spark, plan, changes) if one.topic == "views.people_history"] for plan in (before, after)
    )
    assert len(once) == len(changes)
    assert [one.key for one in once] == [one.key for one in again]
    assert [one.version + 2 * 2**52 for one in once] == [one.version for one in again]


def of_people(plan: Plan, revision: int) -> Plan:
    """Plan the history alone, at a revision; it started with the first one."""
    (output,) = (output for output in plan.outputs if output.view.name == "people_history")
    assert isinstance(output.view, History)
    raised = replace(output.view, revision=revision, first_revision=1)
    return replace(plan, outputs=(replace(output, view=raised),))


def test_entries_are_a_chain_that_ends_in_the_row(spark: SparkSession, kinds: Plan) -> None:
    table: Table = {}
    changes = [made for which, history in enumerate(histories_of(7)) for made in run_history(table, which, history)]
    found = entries(kinds, run(spark, kinds, changes), "people_history")
    rows = list(summaries(("id",), found, cdc.PEOPLE))
    assert {row[TIMELINE] for row in rows} <= {WHOLE}
    assert {row["id"] for row in rows} == set(table)
    for row in rows:
        newest = json.loads(row[NEWEST])
        expected = table[row["id"]]
        assert (newest.get("name"), newest.get("note")) == (expected["name"], expected["note"])
        assert newest.get("score") == (None if expected["score"] is None else _number(expected["score"]))


def _number(value: Decimal) -> str:
    return str(json.loads(normal(json.dumps({"it": str(value)})) or "")["it"].rstrip("0").rstrip("."))


# --- the comparison itself ---


def entry(version: int, op: str, before: str | None, after: str | None, *, raised: int = 0) -> dict[str, Any]:
    written = {"version": version, "row_version": version + raised * 2**52}
    return {"id": 1, **written, "op": op, "before": before, "after": after}


ONE, ONE_AGAIN, TWO = '{"id": 1, "x": 1.50, "y": null}', '{"x": 1.5, "id": 1}', '{"id": 1, "x": 2}'


@pytest.mark.parametrize(
    ("newest_first", "timeline"),
    [
        ([entry(1, "c", None, ONE)], WHOLE),
        ([entry(2, "u", ONE_AGAIN, TWO), entry(1, "c", None, ONE)], WHOLE),
        ([entry(2, "u", ONE, TWO)], WHOLE),  # the history began later than the row
        ([entry(3, "r", None, TWO), entry(1, "c", None, ONE)], WHOLE),
        # A column came with a value for the rows that were there, which sends no event.
        ([entry(2, "u", '{"id": 1, "x": 2, "z": 9}', '{"id": 1, "x": 3, "z": 9}'), entry(1, "c", None, TWO)], WHOLE),
        # Another revision of the function begins, and has read some of the changes again.
        ([entry(3, "u", ONE, TWO, raised=1), entry(1, "c", None, TWO)], WHOLE),
        ([entry(3, "c", None, TWO, raised=1), entry(2, "u", ONE, TWO), entry(1, "c", None, TWO, raised=1)], WHOLE),
        (
            [entry(4, "u", ONE, TWO, raised=1), entry(3, "u", ONE, TWO, raised=1), entry(1, "c", None, ONE)],
            "before of version 4 is not the after of the entry before it",
        ),
        (
            [entry(3, "u", ONE, TWO), entry(1, "c", None, TWO)],
            "before of version 3 is not the after of the entry before it",
        ),
        (
            [entry(3, "c", None, TWO), entry(1, "c", None, TWO)],
            "before of version 3 is not the after of the entry before it",
        ),
    ],
)
def test_a_timeline_is_whole_or_says_where_it_is_broken(newest_first: list[Any], timeline: str) -> None:
    (row,) = summaries(("id",), newest_first, ("id", "x", "y", "z"))
    assert (row[TIMELINE], row[NEWEST]) == (timeline, normal(newest_first[0]["after"]))


DIGITS_AS_TEXT = '{"id": 1, "x": "1.50", "y": ["7.0", null]}'
DIGITS_AS_NUMBERS = '{"id": 1, "x": 1.5, "y": [7, null]}'


@pytest.mark.parametrize(("numbers", "is_whole"), [({"x", "y"}, True), ({"x"}, False), ((), False)])
def test_digits_that_an_earlier_version_wrote_as_text_are_numbers(numbers: set[str], is_whole: bool) -> None:
    """Not those of a column that holds text."""
    newest_first = [entry(2, "u", DIGITS_AS_NUMBERS, TWO), entry(1, "c", None, DIGITS_AS_TEXT)]
    (row,) = summaries(("id",), newest_first, ("id", "x", "y"), numbers)
    assert (row[TIMELINE] == WHOLE) is is_whole
    (row,) = summaries(("id",), newest_first[1:], ("id", "x", "y"), numbers)
    assert (row[NEWEST] == normal(DIGITS_AS_NUMBERS)) is is_whole


def test_a_text_that_was_no_number_and_a_number_of_many_digits_are_compared() -> None:
    was, long = '{"id": 1, "x": "one"}', f'{{"id": 1, "x": {"1" * 9000}}}'
    newest_first = [entry(2, "u", was, long), entry(1, "c", None, was)]
    (row,) = summaries(("id",), newest_first, ("id", "x"), {"x"})
    assert (row[TIMELINE], row[NEWEST]) == (WHOLE, normal(long))


def test_a_deleted_row_is_reported_only_when_its_timeline_is_broken() -> None:
    assert list(summaries(("id",), [entry(2, "d", ONE, None), entry(1, "c", None, ONE)], ("id", "x"))) == []
    (row,) = summaries(("id",), [entry(2, "d", TWO, None), entry(1, "c", None, ONE)], ("id", "x"))
    assert row[NEWEST] is None


def test_a_key_column_may_have_any_name() -> None:
    key = ("newest", "timeline")
    shape = history_shape("h", key)
    assert len(set(shape.columns)) == len(shape.columns)
    (row,) = summaries(key, [entry(1, "c", None, ONE) | {"newest": 3, "timeline": "x"}], ("id", "x"))
    assert (row["newest"], row["timeline"], row[TIMELINE]) == (3, "x", WHOLE)


def test_a_column_that_was_dropped_with_its_values_breaks_no_timeline() -> None:
    after_the_drop = entry(2, "d", '{"id": 1, "x": null}', None)
    assert list(summaries(("id",), [after_the_drop, entry(1, "c", None, TWO)], ("id",))) == []
    (row,) = summaries(("id",), [after_the_drop, entry(1, "c", None, TWO)], ("id", "x"))
    assert row[TIMELINE] != WHOLE


def test_a_column_that_was_dropped_with_its_values_is_no_part_of_the_newest_row() -> None:
    there = [entry(1, "c", None, TWO)]
    assert [row[NEWEST] for row in summaries(("id",), there, ("id",))] == [normal('{"id": 1}')]
    assert [row[NEWEST] for row in summaries(("id",), there, ("id", "x"))] == [normal(TWO)]
