"""A replay writes what lets no old row win, and says of each letter whether it was written."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError

from penstock.console.look.declared import Declared
from penstock.console.service import dead_letters
from penstock.console.service.dead_letters import LettersTooOld, preview
from penstock.contract import CONNECT_ERRORS, HISTORY
from penstock.topics.admin import KafkaUnreachable
from penstock.topics.declare import RECORD_RETENTION
from tests.names import OURS
from tests.unit.console import made

TOPIC = "dead-letters.sink"
OLD, YOUNG = RECORD_RETENTION + timedelta(hours=1), RECORD_RETENTION - timedelta(hours=1)


@dataclass
class Letter:
    """A message as confluent-kafka gives it."""

    at: int
    age: timedelta = timedelta()
    origin: str = made.VIEW
    fault: Any = None

    def error(self) -> Any:
        return self.fault

    def topic(self) -> str:
        return TOPIC

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self.at

    def timestamp(self) -> tuple[int, int]:
        return 1, int((time.time() - self.age.total_seconds()) * 1000)

    def headers(self) -> list[tuple[str, bytes]]:
        return [(f"{CONNECT_ERRORS}topic", self.origin.encode())]


class Kafka:
    """Gives for each offset what was put there; None is silence."""

    def __init__(self, *letters: Letter | None) -> None:
        self._letters, self._at = letters, 0

    def assign(self, places: list[Any]) -> None:
        self._at = places[0].offset

    def get_watermark_offsets(self, _: Any, **__: Any) -> tuple[int, int]:
        return 0, len(self._letters)

    def poll(self, _: float) -> Letter | None:
        return self._letters[self._at]

    def close(self) -> None:
        pass


def previewed(
    monkeypatch: pytest.MonkeyPatch, *letters: Letter | None, kind: str = "row", asked: Sequence[int] = ()
) -> Any:
    monkeypatch.setattr(dead_letters, "open_small_consumer", lambda *_, **__: Kafka(*letters))
    config = SimpleNamespace(names=OURS, kafka=SimpleNamespace(bootstrap="kafka:9092"))
    snapshot = made.snapshot(declared=made.reading(Declared((made.view(kind=kind),))))
    hub: Any = SimpleNamespace(config=config, now=SimpleNamespace(snapshot=snapshot))
    return preview(hub, [f"{TOPIC}/0/{at}" for at in asked or range(len(letters))])


def test_a_letter_that_may_outlive_a_tombstone_is_not_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    words = rf"1 of these .*: {TOPIC}/0/1\. .*`penstock views repair users_by_id \[KEY\]`"
    with pytest.raises(LettersTooOld, match=words):
        previewed(monkeypatch, Letter(0, YOUNG), Letter(1, OLD))


def test_no_entry_of_a_history_is_ever_deleted_so_an_old_one_may_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    assert previewed(monkeypatch, Letter(0, OLD), kind=HISTORY).records == 1


def test_what_retention_took_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = previewed(monkeypatch, Letter(0), Letter(2), asked=(0, 1, 7))
    assert (found.ids, found.gone) == ((f"{TOPIC}/0/0",), (f"{TOPIC}/0/1", f"{TOPIC}/0/7"))
    assert found.text == "1 dead letter; 2 no longer exist"


@pytest.mark.parametrize("silent", [None, Letter(1, fault=KafkaError(KafkaError.LEADER_NOT_AVAILABLE))])
def test_a_letter_that_a_broker_does_not_give_is_not_left_out(
    monkeypatch: pytest.MonkeyPatch, silent: Letter | None
) -> None:
    with pytest.raises(KafkaUnreachable):
        previewed(monkeypatch, Letter(0), silent)
