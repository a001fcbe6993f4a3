"""A look at Kafka of which a part cannot be seen: the rest is shown, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from penstock.config import Config
from penstock.console.look import kafka
from penstock.console.look.kafka import KafkaCollector
from penstock.topics import admin
from penstock.topics.admin import KafkaUnreachable, TopicAdmin
from tests.names import SINK

OURS, THEIRS, GROUP = "app.public.users", "theirs", f"connect-{SINK}"
LOST = KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE))


class FakeClient:
    """An admin client of a cluster with two topics; `away` are topics and groups that do not answer."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.leader = 1
        self.away: set[str] = set()

    def list_topics(self, **_: Any) -> Any:
        leaders = {OURS: 1, THEIRS: self.leader}
        topics = {
            name: SimpleNamespace(partitions={0: SimpleNamespace(leader=leader, replicas=[1], isrs=[1])})
            for name, leader in leaders.items()
        }
        return SimpleNamespace(cluster_id="c", controller_id=1, brokers={}, topics=topics)

    def list_offsets(self, places: Mapping[TopicPartition, Any], **_: Any) -> dict[TopicPartition, Future[Any]]:
        return {place: self._answer(place.topic, SimpleNamespace(offset=7)) for place in places}

    def list_consumer_groups(self, **_: Any) -> Future[Any]:
        listed = [SimpleNamespace(group_id=name) for name in (GROUP, THEIRS)]
        return self._answer("", SimpleNamespace(valid=listed, errors=[]))

    def describe_consumer_groups(self, names: list[str], **_: Any) -> dict[str, Future[Any]]:
        described = SimpleNamespace(members=[], state=SimpleNamespace(name="STABLE"))
        return {name: self._answer(name, described) for name in names}

    def list_consumer_group_offsets(self, asked: list[Any], **_: Any) -> dict[str, Future[Any]]:
        found = SimpleNamespace(topic_partitions=[TopicPartition(OURS, 0, 5)])
        return {each.group_id: self._answer(each.group_id, found) for each in asked}

    def poll(self, _: float) -> int:
        return 0

    def _answer(self, name: str, value: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if name in self.away:
            future.set_exception(LOST)
        else:
            future.set_result(value)
        return future


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> FakeClient:
    made = FakeClient()
    for module in (kafka, admin):
        monkeypatch.setattr(module, "AdminClient", lambda *_, **__: made)
    return made


@pytest.mark.parametrize("is_known_to_be_lost", [True, False])
def test_a_partition_without_a_leader_takes_no_other_along(client: FakeClient, is_known_to_be_lost: bool) -> None:
    collector = KafkaCollector(Config())
    collector.topics()
    client.away = {THEIRS}
    client.leader = -1 if is_known_to_be_lost else 1
    state = collector.topics()
    assert {name: topic.ends for name, topic in state.topics.items()} == {OURS: {0: 7}, THEIRS: {0: 7}}
    assert state.incomplete == (f"{THEIRS}/0",)
    client.away.add(OURS)
    with pytest.raises(KafkaUnreachable):
        collector.topics()


def test_only_the_sinks_group_must_be_seen(client: FakeClient) -> None:
    client.away = {THEIRS}
    assert KafkaCollector(Config()).groups().keys() == {GROUP}
    client.away = {GROUP}
    with pytest.raises(KafkaUnreachable):
        KafkaCollector(Config()).groups()


def test_topics_are_counted_but_for_those_without_a_leader(client: FakeClient) -> None:
    client.away = {THEIRS}
    assert TopicAdmin("there:9092").records({OURS: 1, THEIRS: 1}) == {OURS: 0}
    client.away = {OURS, THEIRS}
    with pytest.raises(KafkaUnreachable):
        TopicAdmin("there:9092").records({OURS: 1, THEIRS: 1})
