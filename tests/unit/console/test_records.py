"""What a record looks like to people: decoded, masked, filtered; one bad record never stops the rest."""

from __future__ import annotations

import io
import json
import struct
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError
from fastavro import parse_schema, schemaless_writer
from hypothesis import given
from hypothesis import strategies as st

from penstock.connect.secrets import HIDDEN
from penstock.console.pages.pieces import millis
from penstock.console.pages.topic_messages import _parse
from penstock.console.plain import plain
from penstock.console.records import messages
from penstock.console.records.filter import ConditionInvalid, Filter, read_conditions
from penstock.console.records.messages import (
    LIMIT_AT_MOST,
    CursorInvalid,
    Search,
    StartInvalid,
    _read_start,
    read_cursor,
)
from penstock.console.records.records import RecordReader, RecordView
from penstock.console.records.same import is_same
from penstock.console.safety.mask import Mask
from penstock.console.service.dead_letters import LetterUnknown, NotReplayable, _letter, _places
from penstock.console.service.stores import _place
from penstock.contract import CONNECT_ERRORS
from penstock.registry.client import RegistryUnreachable
from penstock.registry.decode import AvroDecoder, Schema
from penstock.topics.consumer import OFFSETS_PER_RECORD
from tests.names import OURS
from tests.unit.console import made

ROW = {
    "type": "record",
    "name": "Row",
    "fields": [{"name": "id", "type": "string"}, {"name": "name", "type": ["null", "string"]}],
}
ENVELOPE = {
    "type": "record",
    "name": "Envelope",
    "fields": [
        {"name": "before", "type": ["null", ROW]},
        {"name": "after", "type": ["null", "Row"]},
        {"name": "op", "type": "string"},
        {"name": "source", "type": {"type": "map", "values": "long"}},
    ],
}
KEY = {"type": "record", "name": "Key", "fields": [{"name": "id", "type": "string"}]}
SCHEMAS: dict[int, Any] = {1: KEY, 2: ENVELOPE, 3: ROW}


class Registry:
    """Knows three schemas; `away` makes it refuse."""

    def __init__(self, *, away: bool = False) -> None:
        self.away = away

    def schema(self, schema_id: int) -> Schema | None:
        if self.away:
            raise RegistryUnreachable("http://registry", "refused")
        return Schema(json.dumps(SCHEMAS[schema_id])) if schema_id in SCHEMAS else None


@dataclass
class Message:
    """A message as confluent-kafka gives it."""

    key_bytes: bytes | None
    value_bytes: bytes | None
    header_list: list[tuple[str, bytes]] = field(default_factory=list)

    def topic(self) -> str:
        return "app.public.users"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return 7

    def timestamp(self) -> tuple[int, int]:
        return (1, 1_764_000_000_000)

    def key(self) -> bytes | None:
        return self.key_bytes

    def value(self) -> bytes | None:
        return self.value_bytes

    def headers(self) -> list[tuple[str, bytes]]:
        return self.header_list


def encoded(schema_id: int, value: Any) -> bytes:
    body = io.BytesIO()
    schemaless_writer(body, parse_schema(SCHEMAS[schema_id]), value)
    return struct.pack(">bI", 0, schema_id) + body.getvalue()


def change(op: str, before: Any, after: Any) -> Message:
    value = {"before": before, "after": after, "op": op, "source": {"txId": 5}}
    return Message(encoded(1, {"id": "a"}), encoded(2, value), [("epoch", b"1")])


def read(message: Message, *, masked: tuple[str, ...] = (), away: bool = False) -> RecordView:
    return RecordReader(AvroDecoder(Registry(away=away)), Mask(masked)).read(message)


UPDATE = change("u", {"id": "a", "name": "Ada"}, {"id": "a", "name": "Grace"})


def test_a_change_has_both_rows_and_names_what_changed() -> None:
    record = read(UPDATE)
    assert (record.op, record.changed, record.value) == ("u", ("name",), None)
    assert (record.before["name"], record.after["name"]) == ("Ada", "Grace")
    assert record.headers == {"epoch": "1"}


def test_an_insert_and_a_delete_change_no_field() -> None:
    assert read(change("c", None, {"id": "a", "name": None})).changed == ()
    assert read(change("d", {"id": "a", "name": None}, None)).changed == ()


def test_a_bad_record_shows_its_bytes_and_the_reason() -> None:
    record = read(Message(encoded(1, {"id": "a"}), encoded(3, {"id": "a", "name": "Ada"})[:-2]))
    assert record.problem is not None and "not of schema 3" in record.problem
    assert record.raw is not None and record.raw.startswith("00 00 00 00 03")
    assert record.key == {"id": "a"}


def test_a_registry_that_is_away_is_a_reason_too() -> None:
    record = read(UPDATE, away=True)
    assert record.problem is not None and "does not answer" in record.problem


def test_a_mask_keeps_every_digit_of_the_numbers_beside_it() -> None:
    """Also of one that Python does not read, for which nothing may come unmasked."""
    numbers = f"[1.50, -7, {'9' * 5000}, 0.{'1' * 40}, true]"
    hidden = Mask(("name",)).hide(f'{{"n": {numbers}, "name": "Ada"}}')
    assert hidden == f'{{"n": {numbers}, "name": "{HIDDEN}"}}'


def test_a_masked_column_is_hidden_wherever_it_is() -> None:
    record = read(UPDATE, masked=("name",))
    assert (record.before["name"], record.after["name"]) == (HIDDEN, HIDDEN)
    assert record.changed == ("name",)
    history = Mask(("name",)).hide({"after": '{"id": "a", "name": "Ada"}', "name": None, "deep": [{"name": 1}]})
    assert history == {"after": f'{{"id": "a", "name": "{HIDDEN}"}}', "name": None, "deep": [{"name": HIDDEN}]}


def test_a_mask_knows_a_column_by_each_of_its_names() -> None:
    for name in ("e-Mail", "e_x002D_Mail"):
        assert Mask((name,)).hide({"e-Mail": 1, "e_x002D_Mail": 2}) == {"e-Mail": HIDDEN, "e_x002D_Mail": HIDDEN}


def test_nothing_of_bytes_that_nobody_understands_is_shown_under_a_mask() -> None:
    record = read(Message(b"secret", b"secret"), masked=("name",))
    assert (record.key, record.value, record.raw) == (HIDDEN, HIDDEN, None)


def test_what_refused_a_record_is_hidden_under_a_mask_and_its_class_is_the_reason() -> None:
    headers = {
        "exception.message": "cannot write 'ada@example.org' as int",
        "exception.stacktrace": "BadRecordException: cannot write 'ada@example.org' as int",
        "exception.class.name": "BadRecordException",
        "topic": "views.users_by_id",
    }
    letter = Message(None, None, [(f"{CONNECT_ERRORS}{name}", value.encode()) for name, value in headers.items()])
    letter.header_list.append(("email", b"ada@example.org"))
    assert "ada" not in str(hidden := read(letter, masked=("email",)))
    assert (_letter(hidden).reason, _letter(hidden).origin_topic) == ("BadRecordException", "views.users_by_id")
    assert _letter(read(letter)).reason == headers["exception.message"]


def test_no_position_shows_a_masked_value_of_a_key() -> None:
    key, row = {"e_x002D_mail": "ada@example.org", "id": 7}, {"row_version": 5}
    assert _place(Mask(("e-mail",)), key, row) == f"e_x002D_mail = {HIDDEN}, id = 7 · version 5"
    assert _place(Mask(()), key, {}) == "e_x002D_mail = ada@example.org, id = 7"


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("name = Grace", True),
        ("name = Ada", False),
        ("before.name = Ada", True),
        ("name ~ RAC", True),
        ("name != Grace", False),
        ("source.txId > 4", True),
        ("source.txId > 10", False),
        ("id = a", True),
        ("no_such = x", False),
        ("name = Grace and id = a", True),
        ("name = Grace AND id = b", False),
        ('name = "Grace"', True),
        ("  name   =   Grace  ", True),
        ('name != "a and id = b" and id = a', True),
        ("name != a and b", True),
        ("", True),
    ],
)
def test_conditions_look_at_the_row_after_or_where_they_name_it(text: str, holds: bool) -> None:
    assert Filter(conditions=read_conditions(text, Mask(()))).keeps(read(UPDATE)) is holds


def test_a_filter_takes_key_and_kind() -> None:
    record = read(UPDATE)
    assert Filter(op="ud", key="a").keeps(record)
    assert not Filter(op="c").keeps(record)
    for other in (Message(None, None), Message(encoded(1, {"id": "a"}), None), Message(b"x", b"x")):
        assert not Filter(op="d").keeps(read(other))
    assert not Filter(key="zzz").keeps(record)


def test_a_masked_column_cannot_be_asked_for() -> None:
    with pytest.raises(ConditionInvalid, match="masked"):
        read_conditions("after.name = Ada", Mask(("name",)))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a = Tom and Jerry", "Tom and Jerry"),
        ('a = "x and b = y"', "x and b = y"),
        ('a = "say ""hi"""', 'say "hi"'),
        ('a = 5" pipe', '5" pipe'),
        ('a = "unclosed', '"unclosed'),
        ('a = ""', ""),
        ("a =", ""),
        ("a = b\n and c", "b\n and c"),
    ],
)
def test_a_value_may_hold_and_as_it_is_or_in_quotes(text: str, value: str) -> None:
    assert [(each.field, each.value) for each in read_conditions(text, Mask(()))] == [("a", value)]


def test_a_masked_column_is_refused_behind_another_condition() -> None:
    with pytest.raises(ConditionInvalid, match="masked"):
        read_conditions("id = a and name = x", Mask(("name",)))


@given(st.text())
def test_any_text_is_conditions_or_says_what_one_is(text: str) -> None:
    try:
        conditions = read_conditions(text, Mask(()))
    except ConditionInvalid:
        return
    assert all(condition.field for condition in conditions)
    Filter(conditions=conditions).keeps(read(UPDATE))


def test_a_condition_that_is_none_says_what_one_is() -> None:
    with pytest.raises(ConditionInvalid, match="field = value"):
        read_conditions("name", Mask(()))


@pytest.mark.parametrize("text", ["", "end", "end-x", "offset:-1", "yesterday", "offset:²", "end-٣", f"time:{10**20}"])
def test_a_start_that_is_none_says_what_one_is(text: str) -> None:
    with pytest.raises(StartInvalid, match="beginning"):
        _read_start(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2010-05-06T07:08:09.123Z", "2010-05-06 07:08:09.123000+00:00"),
        (5276, "1984-06-12"),
        ("12.3400", "12.34"),
        ('{"a": 1.0, "b": null}', {"a": "1.0", "b": None}),
        (None, None),
    ],
)
def test_values_that_stores_write_differently_are_the_same(one: Any, other: Any) -> None:
    assert is_same(one, other) and is_same(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [("a", "b"), (None, ""), (1, 2), ("2010-05-06T07:08:09.123Z", "2010-05-06 07:08:09.124+00:00"), (True, 1.5)],
)
def test_values_that_differ_are_not(one: Any, other: Any) -> None:
    assert not is_same(one, other)


@pytest.mark.parametrize(
    "text", ["", "x", "[]", "3", "null", '{"a": 1}', '{"0": "²"}', '{"0": -1}', '{"0": 1.5}', "[" * 9999]
)
def test_a_cursor_that_is_none_says_what_one_is(text: str) -> None:
    with pytest.raises(CursorInvalid, match="next"):
        read_cursor(text)


def test_a_cursor_says_where_to_go_on() -> None:
    assert read_cursor('{"0": 12, "1": "3"}') == {0: 12, 1: 3}


@pytest.mark.parametrize(
    "name", ["", "x", "a/b/c", "dead-letters.sink/0", "dead-letters.sink/²/1", "dead-letters.sink/0/-1"]
)
def test_an_id_that_names_no_dead_letter_says_what_one_is(name: str) -> None:
    with pytest.raises(LetterUnknown, match="topic/partition/offset"):
        _places(OURS, [name])


def test_a_time_that_no_calendar_has_is_a_number() -> None:
    assert [millis(at) for at in (1_764_000_000_007, 10**18)] == ["2025-11-24 16:00:00.007 UTC", f"{10**18} ms"]
    assert _parse(f"time:{10**17}") == ("time", str(10**17))


def test_numbers_that_json_does_not_have_are_text() -> None:
    shown = [plain(number) for number in (float("nan"), float("inf"), float("-inf"), 1.5)]
    assert shown == ["NaN", "Infinity", "-Infinity", 1.5]


def test_changes_are_never_replayed() -> None:
    with pytest.raises(NotReplayable, match="an old row would win"):
        _places(OURS, ["dead-letters.views/0/1"])


class Topic:
    """A topic of one partition with many records; `begun` is where they were read from."""

    def __init__(self, end: int) -> None:
        self.end, self.begun = end, -1

    def topics(self) -> Any:
        return SimpleNamespace(topics={"t": made.topic("t", self.end)})

    def assign(self, places: list[Any]) -> None:
        self.begun = self._at = places[0].offset

    def consume(self, count: int, **_: Any) -> list[Any]:
        begin, self._at = self._at, min(self._at + count, self.end)
        return [Numbered(at) for at in range(begin, self._at)]

    def position(self, _: Any) -> list[Any]:
        return [SimpleNamespace(partition=0, offset=self._at)]

    def close(self) -> None:
        pass


class Numbered(Message):
    """A record that is later, the higher its offset is."""

    def __init__(self, at: int) -> None:
        super().__init__(None, None)
        self.at = at

    def error(self) -> None:
        return None

    def offset(self) -> int:
        return self.at

    def timestamp(self) -> tuple[int, int]:
        return 1, self.at


@pytest.mark.parametrize(
    ("start", "limit", "expected"), [("end-50", 5, 5), ("end-3", 50, 3), ("end-1000000", 10**6, LIMIT_AT_MOST)]
)
def test_the_newest_are_as_many_as_are_wanted_and_no_more_is_read(
    monkeypatch: pytest.MonkeyPatch, start: str, limit: int, expected: int
) -> None:
    topic: Any = Topic(10_000)
    monkeypatch.setattr(messages, "open_small_consumer", lambda *_: topic)
    reader = RecordReader(AvroDecoder(Registry()), Mask(()))
    wanted = Search("t", start=start, limit=limit, budget_s=60)
    found = messages.search(topic, reader, bootstrap="", group="", wanted=wanted)
    assert [record.offset for record in found.records] == list(range(10_000 - expected, 10_000))
    assert topic.begun == 10_000 - expected * OFFSETS_PER_RECORD


class Deleted:
    """A consumer of a topic that is deleted while somebody looks at it."""

    def __init__(self) -> None:
        self.comes: list[Any] = []

    def list_topics(self, *_: Any, **__: Any) -> Any:
        return SimpleNamespace(topics={"t": SimpleNamespace(partitions={0: None})})

    def get_watermark_offsets(self, *_: Any, **__: Any) -> tuple[int, int]:
        return 0, 0

    def assign(self, places: list[Any]) -> None:
        pass

    def consume(self, *_: Any, **__: Any) -> list[Any]:
        came, self.comes = self.comes, []
        return came

    def close(self) -> None:
        pass


def test_a_tail_says_why_nothing_comes_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    topic = Deleted()
    monkeypatch.setattr(messages, "open_small_consumer", lambda *_: topic)
    tail = messages.Tail("", RecordReader(AvroDecoder(Registry()), Mask(())), group="", topic="t")
    gone = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)
    topic.comes = [SimpleNamespace(error=lambda: gone)]
    assert (tail.poll(), tail.poll(), tail.trouble) == ([], [], gone.str())
    topic.comes = [Numbered(0)]
    assert (len(tail.poll()), tail.trouble) == (1, None)
    tail.close()
    assert tail.poll() == []
