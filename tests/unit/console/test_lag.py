"""Following changes: which leg is observed when, for how long, and what is never guessed."""

from __future__ import annotations

import io
import json
import struct
import time
from dataclasses import dataclass, field

import pytest
from fastavro import parse_schema, schemaless_writer

from penstock.console.moment.lag import LagWatch
from penstock.project.declared import DeclaredView
from penstock.registry.client import RegistryUnreachable
from penstock.registry.decode import Schema
from tests.unit.console.made import CHANGES, VIEW, view

ENVELOPE = {
    "type": "record",
    "name": "Envelope",
    "fields": [
        {"name": "after", "type": ["null", "string"]},
        {
            "name": "source",
            "type": {
                "type": "record",
                "name": "Source",
                "fields": [
                    {"name": "ts_ms", "type": "long"},
                    {"name": "db", "type": "string"},
                    {"name": "lsn", "type": ["null", "long"]},
                ],
            },
        },
        {"name": "op", "type": "string"},
    ],
}
WRITER = parse_schema(ENVELOPE)
NOW = time.time()
TABLE, NAME = "public.users", "users_by_id"


@dataclass
class Registry:
    """Holds one schema; away when asked to be."""

    is_away: bool = False
    asked: int = 0

    def schema(self, schema_id: int) -> Schema | None:
        self.asked += 1
        if self.is_away:
            raise RegistryUnreachable("http://registry", "connection refused")
        return Schema(json.dumps(ENVELOPE)) if schema_id == 1 else None


@dataclass(frozen=True)
class Record:
    """A record as confluent_kafka gives it."""

    of_topic: str
    at: float
    place: int
    content: bytes = b""
    given: list[tuple[str, bytes]] = field(default_factory=list)
    number: int = 0

    def topic(self) -> str:
        return self.of_topic

    def partition(self) -> int:
        return self.number

    def offset(self) -> int:
        return self.place

    def timestamp(self) -> tuple[int, int]:
        return 1, round(self.at * 1000)

    def value(self) -> bytes:
        return self.content

    def headers(self) -> list[tuple[str, bytes]]:
        return self.given


def change(offset: int, *, committed_at: float, at: float, op: str = "u", lsn: int = 500, partition: int = 0) -> Record:
    body = io.BytesIO()
    source = {"ts_ms": round(committed_at * 1000), "db": "app", "lsn": lsn}
    schemaless_writer(body, WRITER, {"after": "row", "source": source, "op": op})
    return Record(CHANGES, at, offset, struct.pack(">bI", 0, 1) + body.getvalue(), number=partition)


def record(offset: int, *, of: int, at: float, topic: str = VIEW, lsn: int = 500) -> Record:
    headers = [("version", str(2**52 + of).encode()), ("lsn", str(lsn).encode())]
    return Record(topic, at, offset, given=headers)


def watch(*views: DeclaredView, registry: Registry | None = None) -> LagWatch:
    made = LagWatch(registry or Registry())
    made.watch(views or (view(),))
    return made


def seen(lag: LagWatch) -> dict[tuple[str, str], tuple[int, float]]:
    """Return of each leg and view how many were observed, and their sum in seconds."""
    (family,) = lag.seconds.collect()
    found: dict[tuple[str, str], list[float]] = {}
    for sample in family.samples:
        place = (sample.labels["leg"], sample.labels["view"])
        for number, suffix in enumerate(("_count", "_sum")):
            if sample.name.endswith(suffix):
                found.setdefault(place, [0, 0])[number] = round(sample.value, 3)
    return {place: (int(count), total) for place, (count, total) in found.items()}


def test_a_change_is_followed_to_cassandra_leg_by_leg() -> None:
    lag = watch()
    lag.written({}, NOW)
    lag.take([change(7, committed_at=NOW, at=NOW + 0.02)])
    assert seen(lag) == {("source", ""): (1, 0.02)}
    lag.take([record(3, of=7, at=NOW + 0.05)])
    assert seen(lag)["spark", NAME] == (1, 0.03)
    lag.written({(VIEW, 0): 3}, NOW + 1)
    assert ("sink", NAME) not in seen(lag)
    lag.written({(VIEW, 0): 4}, NOW + 2)
    assert seen(lag)["sink", NAME] == (1, 1.95)
    assert seen(lag)["whole", NAME] == (1, 2.0)


def test_records_in_the_order_of_their_reading_do() -> None:
    lag = watch()
    lag.take([record(3, of=7, at=NOW + 0.05), change(7, committed_at=NOW, at=NOW + 0.02)])
    assert seen(lag)["spark", NAME] == (1, 0.03)


def test_a_sink_that_was_quicker_than_our_reading_is_timed_by_the_look_that_saw_it_first() -> None:
    lag = watch()
    for at, offset in enumerate((3, 4, 4)):
        lag.written({(VIEW, 0): offset}, NOW + 1 + at)
    lag.take([change(7, committed_at=NOW, at=NOW), record(3, of=7, at=NOW + 1)])
    assert seen(lag)["sink", NAME] == (1, 1.0)


def test_what_the_sink_wrote_while_nobody_looked_is_not_timed() -> None:
    lag = watch()
    lag.written({(VIEW, 0): 0}, NOW)
    lag.take([change(7, committed_at=NOW, at=NOW), record(3, of=7, at=NOW)])
    lag.written({(VIEW, 0): 9}, NOW + 60)
    assert ("sink", NAME) not in seen(lag)
    late = watch()
    late.written({(VIEW, 0): 9}, NOW)
    late.take([change(7, committed_at=NOW, at=NOW), record(3, of=7, at=NOW)])
    late.written({(VIEW, 0): 9}, NOW + 1)
    assert ("sink", NAME) not in seen(late)


def test_equal_offsets_of_two_partitions_their_order_is_known_by_their_lsn() -> None:
    lag = watch()
    first = change(7, committed_at=NOW, at=NOW, lsn=500)
    second = change(7, committed_at=NOW, at=NOW + 1, lsn=600, partition=1)
    lag.take([first, second, record(3, of=7, at=NOW + 1.5, lsn=600)])
    assert seen(lag)["spark", NAME] == (1, 0.5)


def test_a_change_is_timed_once_in_each_view_that_shows_it() -> None:
    lag = watch(view(), view(name="by_country", topic="views.by_country"))
    both = [record(3, of=7, at=NOW + 1), record(9, of=7, at=NOW + 2, topic="views.by_country")]
    lag.take([change(7, committed_at=NOW, at=NOW), *both, record(4, of=7, at=NOW + 5)])
    assert seen(lag)["spark", NAME] == (1, 1.0)
    assert seen(lag)["spark", "by_country"] == (1, 2.0)


@pytest.mark.parametrize("op", ["r", "t"])
def test_a_row_that_was_read_is_no_change(op: str) -> None:
    lag = watch()
    lag.take([change(7, committed_at=NOW, at=NOW + 1, op=op), record(3, of=7, at=NOW + 2)])
    assert seen(lag) == {}


def test_clocks_that_differ_make_no_negative_time() -> None:
    lag = watch()
    lag.take([change(7, committed_at=NOW + 5, at=NOW)])
    assert seen(lag)["source", ""] == (1, 0.0)


def test_of_many_records_few_are_followed() -> None:
    lag = watch()
    lag.take([change(offset, committed_at=NOW, at=NOW, lsn=offset) for offset in range(2000)])
    assert seen(lag)["source", ""][0] == 5


def test_of_an_aggregate_the_sinks_leg_is_known() -> None:
    lag = watch(view(kind="aggregate"))
    lag.written({}, NOW)
    lag.take([change(7, committed_at=NOW, at=NOW), Record(VIEW, NOW, 3, given=[("version", b"99")])])
    lag.written({(VIEW, 0): 4}, NOW + 1)
    assert seen(lag) == {("source", ""): (1, 0.0), ("sink", NAME): (1, 1.0)}


def test_nobody_waits_for_a_paused_view_in_cassandra() -> None:
    lag = watch(view(paused=True))
    lag.written({}, NOW)
    lag.take([change(7, committed_at=NOW, at=NOW), record(3, of=7, at=NOW + 1)])
    lag.written({(VIEW, 0): 4}, NOW + 1)
    assert set(seen(lag)) == {("source", ""), ("spark", NAME)}


def test_what_does_not_arrive_in_ten_minutes_is_let_go() -> None:
    lag = watch()
    lag.take([change(7, committed_at=NOW - 700, at=NOW - 700)])
    lag.watch([view()])
    lag.take([record(3, of=7, at=NOW)])
    assert set(seen(lag)) == {("source", "")}


def test_a_registry_that_is_away_is_not_asked_at_each_look() -> None:
    registry = Registry(is_away=True)
    lag = watch(registry=registry)
    for offset in range(20):
        lag.take([change(offset, committed_at=NOW, at=NOW)])
    assert (registry.asked, seen(lag)) == (1, {})


@pytest.mark.parametrize("content", [b"", b"garbage", struct.pack(">bI", 0, 2), struct.pack(">bI", 0, 1) + b"x"])
def test_what_is_no_change_is_left_alone(content: bytes) -> None:
    lag = watch()
    lag.take([Record(CHANGES, NOW, 7, content), Record(VIEW, NOW, 3), record(4, of=7, at=NOW)])
    assert seen(lag) == {}
