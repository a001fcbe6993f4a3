"""A search for a key counts what it has read, and knows no newest record while something behind it is unread."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError

from penstock.console.records import lookup
from penstock.console.records.lookup import Wanted, find_newest
from penstock.topics.admin import KafkaUnreachable
from tests.unit.console import made

WANTED = Wanted({"id": "7"}, lambda data: {"id": int(data or b"0")}, {"id": "integer"})


@dataclass
class Message:
    """A message as confluent-kafka gives it; `fault` is what the broker says in its place."""

    at: int
    id: int = 0
    fault: Any = None

    def error(self) -> Any:
        return self.fault

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self.at

    def timestamp(self) -> tuple[int, int]:
        return 1, self.at

    def key(self) -> bytes:
        return str(self.id).encode()


class Kafka:
    """A topic of one partition, in which the key is at some offsets; each fetch takes a second and brings `at_once`."""

    def __init__(self, *at: int, at_once: int, fault: Any = None) -> None:
        self._of_key, self._at_once, self._fault = at, at_once, fault
        self._place: Any = None
        self.now = 0.0

    def assign(self, places: list[Any]) -> None:
        (self._place,) = places

    def consume(self, *_: Any, **__: Any) -> list[Message]:
        self.now += 1
        begin = self._place.offset
        self._place.offset += self._at_once
        if self._fault:
            return [Message(begin, fault=self._fault)]
        return [Message(at, 7 if at in self._of_key else 1) for at in range(begin, begin + self._at_once)]

    def position(self, _: list[Any]) -> list[Any]:
        return [self._place]

    def close(self) -> None:
        pass


def found(monkeypatch: pytest.MonkeyPatch, kafka: Any, *, seconds: float) -> Any:
    monkeypatch.setattr(lookup, "time", SimpleNamespace(monotonic=lambda: kafka.now))
    reader: Any = SimpleNamespace(read=lambda message: message.at)
    return find_newest(kafka, reader, made.topic(made.CHANGES, 4000), WANTED, count=1, budget_s=seconds)


def test_what_a_silent_broker_did_not_give_was_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    trace = found(monkeypatch, Kafka(at_once=0), seconds=4)
    assert (trace.looked_at, trace.of, trace.is_whole) == (0, 4000, False)


def test_a_record_is_not_the_newest_while_newer_ones_are_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(monkeypatch, Kafka(3, 3801, 3999, at_once=50), seconds=2).records == ()


def test_large_rows_are_looked_at_as_far_as_the_time_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    trace = found(monkeypatch, Kafka(3, 3950, at_once=50), seconds=4)
    assert (trace.records, trace.looked_at) == ((3950,), 200)


def test_a_topic_that_is_read_in_time_is_looked_at_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    trace = found(monkeypatch, Kafka(3, at_once=1000), seconds=60)
    assert (trace.records, trace.is_whole) == ((3,), True)


def test_a_broker_that_refuses_is_not_taken_for_an_empty_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = KafkaError(KafkaError.NOT_LEADER_FOR_PARTITION)
    with pytest.raises(KafkaUnreachable):
        found(monkeypatch, Kafka(at_once=1, fault=fault), seconds=4)
