"""What each change does to each view: one frame of all scenarios, each at an offset of its own."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest
from penstock_views.output.derive import Plan

from tests.unit.engine import cdc
from tests.unit.engine.cdc import Emitted, Record, change, envelope, wire
from tests.unit.engine.conftest import Engine

A, B = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"
ANN: dict[str, Any] = {
    "id": A,
    "name": "Ann",
    "age": 40,
    "score": Decimal("1.2345"),
    "born": 3652,
    "seen": "2026-11-23T11:39:29.123Z",
    "note": '{"a": 1}',
}
ANN_AS_BORN = dt.date(1980, 1, 1)
SEEN = dt.datetime(2026, 11, 23, 11, 39, 29, 123000, tzinfo=dt.UTC)
BEFORE_ALTER = {key: value for key, value in ANN.items() if key != "note"} | {"score": Decimal("1.25")}
NULLS = ANN | {"score": None, "born": None, "seen": None, "note": None}


def event(op: str, before: Any, after: Any) -> bytes:
    return wire(6, envelope(cdc.PEOPLE), change(op, before, after))


def old_event(after: Any) -> bytes:
    return wire(5, envelope(cdc.PEOPLE_TYPED_TIGHTER), change("c", None, after))


WHOLE = event("c", None, ANN)
SCENARIOS: dict[str, dict[str, Any]] = {
    "insert": {"value": WHOLE},
    "snapshot": {"value": event("r", None, ANN)},
    "update": {"value": event("u", ANN, ANN | {"note": "2"})},
    "delete": {"value": event("d", ANN, None)},
    "key move": {"value": event("u", ANN, ANN | {"name": "Anna"})},
    "primary key change, first": {"value": event("d", ANN, None)},
    "primary key change, then": {"value": event("c", None, ANN | {"id": B})},
    "into the filter": {"value": event("u", ANN | {"age": 17}, ANN)},
    "out of the filter": {"value": event("u", ANN, ANN | {"age": 17})},
    "filter is null": {"value": event("u", ANN, ANN | {"age": None})},
    "set to null": {"value": event("u", ANN, NULLS)},
    "null in key": {"value": event("u", ANN, ANN | {"name": None})},
    "begins to fail": {"value": event("u", ANN, ANN | {"age": 0})},
    "ceases to fail": {"value": event("u", ANN | {"age": 0}, ANN)},
    "goes on failing": {"value": event("u", ANN | {"age": 0}, ANN | {"age": 0, "note": "3"})},
    "failing row deleted": {"value": event("d", ANN | {"age": 0}, None)},
    "microseconds": {"value": event("c", None, ANN | {"seen": "2026-11-23T11:39:29.123456Z"})},
    "not a time": {"value": event("c", None, ANN | {"seen": "infinity"})},
    "becomes unreadable": {"value": event("u", ANN, ANN | {"seen": "infinity"})},
    "becomes readable": {"value": event("u", ANN | {"seen": "infinity"}, ANN)},
    "unreadable row deleted": {"value": event("d", ANN | {"seen": "infinity"}, None)},
    "older writer schema": {"value": old_event(BEFORE_ALTER)},
    "garbage": {"value": b"\x00\x00\x00\x00\x06\xff\xff\xff"},
    "cut short": {"value": WHOLE[:-20]},
    "another magic": {"value": b"\x01" + WHOLE[1:]},
    "three bytes": {"value": b"\x00\x00\x00"},
    "tombstone": {"value": None},
    "refused schema id": {"value": b"\x00\x00\x00\x00\x63abc"},
    "no epoch": {"value": WHOLE, "epoch": None},
    "epoch zero": {"value": WHOLE, "epoch": "0"},
    "epoch of letters": {"value": WHOLE, "epoch": "first"},
    "epoch with a sign": {"value": WHOLE, "epoch": "+1"},
    "epoch with a blank": {"value": WHOLE, "epoch": " 1"},
    "epoch beyond the last": {"value": WHOLE, "epoch": "2046"},
    "epoch 7": {"value": WHOLE, "epoch": "7"},
    "truncate": {"value": event("t", None, None)},
    "no replica identity": {"value": event("u", None, ANN)},
    "no after": {"value": event("u", ANN, None)},
}
OFFSETS = {name: 500 + number for number, name in enumerate(SCENARIOS)}


@pytest.fixture(scope="module")
def emitted(engine: Engine) -> list[Emitted]:
    return engine([Record(OFFSETS[name], **given) for name, given in SCENARIOS.items()])


class Outcome:
    """What one scenario did to the views, decoded by the contracts."""

    def __init__(self, plan: Plan, emitted: list[Emitted], name: str) -> None:
        offset = OFFSETS[name]
        self.letters = [one.headers for one in emitted if one.headers.get("__connect.errors.offset") == str(offset)]
        self._mine = [one for one in emitted if "version" in one.headers and one.version % 2**52 == offset]
        self._plan = plan

    def of(self, view: str) -> dict[Any, Any]:
        """Map each written key, as its values, to the written row, or None for a delete."""
        output = next(output for output in self._plan.outputs if output.view.name == view)
        written: dict[Any, Any] = {}
        for one in self._mine:
            if one.topic == f"views.{view}":
                key_id, key = cdc.unwire(output.key.schema, one.key)
                value_id, value = cdc.unwire(output.value.schema, one.value) if one.value else (output.value_id, None)
                assert (key_id, value_id) == (output.key_id, output.value_id)
                names = tuple(map(str, key.values()))
                assert names not in written
                written[names] = value
        return written


@pytest.fixture
def outcome(plan: Plan, emitted: list[Emitted], request: pytest.FixtureRequest) -> Outcome:
    return Outcome(plan, emitted, request.param)


def on(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("outcome", [name], indirect=True, ids=[name])


@on("insert")
def test_insert_writes_the_whole_row_in_every_type(outcome: Outcome) -> None:
    row = {"id": A, "name": "Ann", "share": 2.5, "score": Decimal("1.2345"), "born": ANN_AS_BORN, "seen": SEEN}
    assert {key: {**value, "id": str(value["id"])} for key, value in outcome.of("people_by_id").items()} == {(A,): row}
    assert outcome.of("adults_by_name")[("Ann", A)]["note"] == '{"a": 1}'
    assert outcome.letters == []


@pytest.mark.parametrize("outcome", ["snapshot", "update", "into the filter"], indirect=True)
def test_a_row_present_is_written_and_nothing_deleted(outcome: Outcome) -> None:
    assert list(outcome.of("adults_by_name")) == [("Ann", A)]
    assert outcome.of("adults_by_name")[("Ann", A)] is not None


@pytest.mark.parametrize("outcome", ["delete", "primary key change, first"], indirect=True)
def test_delete_takes_the_row_out_of_every_view(outcome: Outcome) -> None:
    assert outcome.of("people_by_id") == {(A,): None}
    assert outcome.of("adults_by_name") == {("Ann", A): None}


@on("primary key change, then")
def test_primary_key_change_then_writes_the_new_row(outcome: Outcome) -> None:
    assert list(outcome.of("people_by_id")) == [(B,)]
    assert list(outcome.of("adults_by_name")) == [("Ann", B)]


@on("key move")
def test_a_moved_key_is_deleted_where_it_was_and_written_where_it_is(outcome: Outcome) -> None:
    rows = outcome.of("adults_by_name")
    assert rows[("Ann", A)] is None
    assert rows[("Anna", A)]["name"] == "Anna"
    assert list(outcome.of("people_by_id")) == [(A,)]


@pytest.mark.parametrize("outcome", ["out of the filter", "filter is null"], indirect=True)
def test_a_row_that_leaves_the_filter_is_deleted(outcome: Outcome) -> None:
    assert outcome.of("adults_by_name") == {("Ann", A): None}
    assert outcome.letters == []


@on("set to null")
def test_null_is_written_as_null(outcome: Outcome) -> None:
    row = outcome.of("people_by_id")[(A,)]
    assert (row["score"], row["born"], row["seen"]) == (None, None, None)
    assert outcome.letters == []


@on("null in key")
def test_null_in_a_key_column_deletes_and_says_so(outcome: Outcome) -> None:
    assert outcome.of("adults_by_name") == {("Ann", A): None}
    assert list(outcome.of("people_by_id")) == [(A,)]
    (letter,) = outcome.letters
    assert letter["__connect.errors.exception.message"] == "view adults_by_name: key column name is NULL"


@on("begins to fail")
def test_a_row_that_begins_to_fail_is_deleted_and_a_dead_letter(outcome: Outcome) -> None:
    assert outcome.of("people_by_id") == {(A,): None}
    (letter,) = outcome.letters
    assert letter["__connect.errors.stage"] == "VIEW"
    assert letter["__connect.errors.exception.message"] == "view people_by_id cannot compute: share"


@on("ceases to fail")
def test_a_row_that_ceases_to_fail_is_written(outcome: Outcome) -> None:
    assert outcome.of("people_by_id")[(A,)] is not None
    assert outcome.letters == []


@on("goes on failing")
def test_a_row_that_goes_on_failing_is_a_dead_letter_only(outcome: Outcome) -> None:
    assert outcome.of("people_by_id") == {}
    assert len(outcome.letters) == 1


@on("failing row deleted")
def test_deleting_a_failing_row_does_nothing(outcome: Outcome) -> None:
    assert outcome.of("people_by_id") == {}
    assert outcome.letters == []


@on("microseconds")
def test_microseconds_are_cut_on_a_word_and_refused_without(outcome: Outcome) -> None:
    assert outcome.of("people_by_id")[(A,)]["seen"] == SEEN
    assert outcome.of("adults_by_name") == {}
    (letter,) = outcome.letters
    assert "seen has microseconds" in letter["__connect.errors.exception.message"]


@on("becomes unreadable")
def test_a_row_that_becomes_unreadable_leaves_no_stale_row(outcome: Outcome) -> None:
    assert outcome.of("people_by_id") == {(A,): None}
    assert outcome.of("adults_by_name") == {("Ann", A): None}
    assert {letter["__connect.errors.stage"] for letter in outcome.letters} == {"VIEW"}


@on("becomes readable")
def test_a_row_that_becomes_readable_is_written(outcome: Outcome) -> None:
    assert outcome.of("people_by_id")[(A,)] is not None
    assert outcome.letters == []


@on("unreadable row deleted")
def test_deleting_an_unreadable_row_does_nothing(outcome: Outcome) -> None:
    assert (outcome.of("people_by_id"), outcome.letters) == ({}, [])


@on("not a time")
def test_a_value_that_its_type_cannot_hold_fails_the_views_that_use_it(outcome: Outcome) -> None:
    assert (outcome.of("people_by_id"), outcome.of("adults_by_name")) == ({}, {})
    reasons = [letter["__connect.errors.exception.message"] for letter in outcome.letters]
    why = "seen; public.people holds what no view can (docs/types.md): seen = infinity"
    assert sorted(reasons) == [f"view {view} cannot compute: {why}" for view in ("adults_by_name", "people_by_id")]


@on("older writer schema")
def test_records_of_two_writer_schemas_in_one_frame_are_both_read_right(outcome: Outcome) -> None:
    assert outcome.of("people_by_id")[(A,)]["score"] == Decimal("1.2500")
    row = outcome.of("adults_by_name")[("Ann", A)]
    assert (row["age"], row["note"]) == (40, None)


UNREADABLE = {
    "garbage": "does not fit writer schema id 6",
    "cut short": "does not fit writer schema id 6",
    "another magic": "not in Confluent's wire format",
    "three bytes": "not in Confluent's wire format",
    "tombstone": "no value",
    "refused schema id": "schema id 99",
    "no epoch": "`epoch`",
    "epoch zero": "`epoch`",
    "epoch of letters": "`epoch`",
    "epoch with a sign": "`epoch`",
    "epoch with a blank": "`epoch`",
    "epoch beyond the last": "1 to 2045",
    "truncate": "no row change: t",
    "no replica identity": "REPLICA IDENTITY FULL",
    "no after": "no `after`",
}


@pytest.mark.parametrize(("outcome", "reason"), UNREADABLE.items(), indirect=["outcome"], ids=list(UNREADABLE))
def test_an_unreadable_record_is_one_dead_letter_and_touches_no_view(outcome: Outcome, reason: str) -> None:
    assert (outcome.of("people_by_id"), outcome.of("adults_by_name")) == ({}, {})
    (letter,) = outcome.letters
    assert letter["__connect.errors.stage"] == "DECODE"
    assert reason in letter["__connect.errors.exception.message"]


def test_a_dead_letter_holds_the_original_record_and_its_origin(emitted: list[Emitted]) -> None:
    (letter,) = [one for one in emitted if one.headers.get("__connect.errors.offset") == str(OFFSETS["garbage"])]
    assert (letter.topic, letter.key) == ("dead-letters.views", b"the key")
    assert letter.value == SCENARIOS["garbage"]["value"]
    expected = {"__debezium.context.task": "0", "epoch": "1", "__connect.errors.connector.name": "views"}
    expected |= {"__connect.errors.topic": cdc.TOPIC, "__connect.errors.partition": "0"}
    assert expected.items() <= letter.headers.items()


@pytest.mark.parametrize(("scenario", "epoch"), [("insert", 1), ("epoch 7", 7)])
def test_version_is_generation_times_two_to_the_52_plus_offset(
    emitted: list[Emitted], scenario: str, epoch: int
) -> None:
    offset = OFFSETS[scenario]
    mine = {one.topic: one.headers for one in emitted if "version" in one.headers and one.version % 2**52 == offset}
    assert mine == {
        "views.people_by_id": {"version": str((epoch + 2) * 2**52 + offset), "lsn": "77"},
        "views.adults_by_name": {"version": str(epoch * 2**52 + offset), "lsn": "77"},
    }


def test_contracts_name_key_columns_first_and_only_them_not_null(plan: Plan) -> None:
    output = next(output for output in plan.outputs if output.view.name == "adults_by_name")
    assert [field["name"] for field in output.value.schema["fields"]] == ["name", "id", "age", "seen", "note"]
    assert [isinstance(field["type"], list) for field in output.value.schema["fields"]] == [
        False,
        False,
        True,
        True,
        True,
    ]
    assert json.loads(output.key.text)["namespace"] == "penstock.views.adults_by_name"
