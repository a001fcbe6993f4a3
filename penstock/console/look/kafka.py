"""Kafka: brokers, every topic with its partitions' offsets, and every consumer group with what it has committed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, OffsetSpec  # type: ignore[attr-defined]  # re-exported without `__all__`

from penstock.brokers import librdkafka_settings
from penstock.config import Config
from penstock.console.look.http import TIMEOUT_S
from penstock.offsets import Place
from penstock.topics.admin import EARLIEST, LATEST, KafkaUnreachable, silent_logger

_NO_OFFSET = -1
_NO_LEADER = -1
_BEGINNINGS_S = 15.0


@dataclass(frozen=True)
class PartitionState:
    """A partition; offsets are of committed records, `end` is the next one.

    Of one that nobody leads they are the last that were seen, 0 when none were.
    """

    number: int
    beginning: int
    end: int
    leader: int
    replicas: tuple[int, ...]
    in_sync: tuple[int, ...]

    @property
    def is_led(self) -> bool:
        """Return whether it can be read and written."""
        return self.leader >= 0

    @property
    def is_whole(self) -> bool:
        """Return whether every replica is in sync and somebody leads."""
        return self.is_led and len(self.in_sync) == len(self.replicas)


@dataclass(frozen=True)
class TopicState:
    """A topic. `held` counts offsets, in which the markers of transactions are too."""

    name: str
    partitions: tuple[PartitionState, ...]

    @property
    def held(self) -> int:
        """How many offsets it holds."""
        return sum(partition.end - partition.beginning for partition in self.partitions)

    @property
    def ends(self) -> dict[int, int]:
        """The next offset of each partition."""
        return {partition.number: partition.end for partition in self.partitions}


@dataclass(frozen=True)
class GroupState:
    """A consumer group: its state, its members and the offset that it reads next of each partition."""

    name: str
    state: str
    members: tuple[str, ...]
    committed: Mapping[Place, int]


@dataclass(frozen=True)
class KafkaState:
    """The cluster at one moment."""

    cluster_id: str
    controller: int
    brokers: tuple[str, ...]
    topics: dict[str, TopicState]

    @property
    def incomplete(self) -> tuple[str, ...]:
        """Name the partitions that lack a leader or a replica in sync."""
        return tuple(f"{t.name}/{p.number}" for t in self.topics.values() for p in t.partitions if not p.is_whole)


class KafkaCollector:
    """Asks one cluster through one client."""

    def __init__(self, config: Config) -> None:
        self._bootstrap, self._sink = config.kafka.bootstrap, config.names.sink_group
        settings: dict[str, str | int | float | bool] = {
            **librdkafka_settings(self._bootstrap),
            "log_level": 0,
            "reconnect.backoff.max.ms": 1000,
        }
        self._client = AdminClient(settings, logger=silent_logger())
        self._beginnings: dict[Place, int] = {}
        self._seen: dict[Place, tuple[int, int]] = {}
        self._asked_at = 0.0

    def topics(self) -> KafkaState:
        """Return brokers and topics, with the offsets of all partitions; one that nobody leads takes no other along."""
        try:
            metadata = self._client.list_topics(timeout=TIMEOUT_S)
        except KafkaException as exc:
            raise self._away(exc) from exc
        bounds = self._bounds(metadata)
        # A partition that is gone by now is forgotten, too.
        self._seen = {place: self._seen.get(place, (0, 0)) for place in _places(metadata)} | bounds

        def partition(topic: str, number: int, found: Any) -> PartitionState:
            beginning, end = self._seen[topic, number]
            leader = found.leader if (topic, number) in bounds else _NO_LEADER
            return PartitionState(number, beginning, end, leader, tuple(found.replicas), tuple(found.isrs))

        return KafkaState(
            cluster_id=metadata.cluster_id or "",
            controller=metadata.controller_id,
            brokers=tuple(f"{broker.host}:{broker.port}" for broker in metadata.brokers.values()),
            topics={
                name: TopicState(name, tuple(partition(name, *each) for each in sorted(topic.partitions.items())))
                for name, topic in sorted(metadata.topics.items())
            },
        )

    def _bounds(self, metadata: Any) -> dict[Place, tuple[int, int]]:
        """Return beginning and end of each partition that answers."""
        places = [TopicPartition(*place) for place, found in _places(metadata).items() if found.leader >= 0]
        beginnings, ends = self._find_beginnings(places), self._offsets(places, LATEST)
        return {place: (beginnings[place], end) for place, end in ends.items() if place in beginnings}

    def _find_beginnings(self, places: list[TopicPartition]) -> dict[Place, int]:
        """Return them as of a while ago: they move only when retention deletes a segment."""
        names = {(place.topic, place.partition) for place in places}
        if time.monotonic() - self._asked_at > _BEGINNINGS_S or names != self._beginnings.keys():
            self._beginnings = self._offsets(places, EARLIEST)
            self._asked_at = time.monotonic()
        return self._beginnings

    def groups(self) -> dict[str, GroupState]:
        """Return every consumer group with what it has committed; those of others that cannot be seen are left out."""
        listed = self._result(self._client.list_consumer_groups(request_timeout=TIMEOUT_S))
        names = sorted(group.group_id for group in listed.valid)
        if listed.errors and self._sink not in names:
            raise self._away(listed.errors[0])
        described = self._client.describe_consumer_groups(names, request_timeout=TIMEOUT_S) if names else {}
        # All are asked before any is waited for: there may be hundreds.
        offsets = {name: self._ask_offsets(name) for name in names}
        found: dict[str, GroupState] = {}
        for name in names:
            try:
                found[name] = _group(name, self._result(described[name]), self._result(offsets[name]))
            except KafkaUnreachable:
                if name == self._sink:
                    raise
        return found

    def _ask_offsets(self, group: str) -> Future[Any]:
        request = [ConsumerGroupTopicPartitions(group)]
        (future,) = self._client.list_consumer_group_offsets(request, request_timeout=TIMEOUT_S).values()
        return future

    def settings(self, topic: str) -> dict[str, str]:
        """Return all settings of a topic, defaults included."""
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
        (future,) = self._client.describe_configs([resource], request_timeout=TIMEOUT_S).values()
        return {key: str(entry.value) for key, entry in sorted(self._result(future).items())}

    def offsets_at(self, places: Iterable[Place], time_ms: int) -> dict[Place, int]:
        """Return the first offset of each partition at or after a time; those after its last record: -1."""
        wanted = [TopicPartition(*place) for place in places]
        return self._offsets(wanted, OffsetSpec.for_timestamp(time_ms))

    def _offsets(self, places: list[TopicPartition], spec: Any) -> dict[Place, int]:
        """Return the offset of each partition that answers.

        :raises KafkaUnreachable: none does.
        """
        if not places:
            return {}
        futures = self._client.list_offsets(
            dict.fromkeys(places, spec), isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=TIMEOUT_S
        )
        found: dict[Place, int] = {}
        trouble: KafkaUnreachable | None = None
        for place, future in futures.items():
            try:
                found[place.topic, place.partition] = self._result(future).offset
            except KafkaUnreachable as exc:
                trouble = exc
        if trouble and not found:
            raise trouble
        return found

    def _result(self, future: Future[Any]) -> Any:
        try:
            return future.result(TIMEOUT_S * 2)
        except KafkaException as exc:
            raise self._away(exc) from exc
        except TimeoutError as exc:
            raise KafkaUnreachable(self._bootstrap, "silent") from exc

    def _away(self, exc: KafkaException) -> KafkaUnreachable:
        return KafkaUnreachable(self._bootstrap, exc.args[0].str())


def _places(metadata: Any) -> dict[Place, Any]:
    return {
        (name, number): found for name, topic in metadata.topics.items() for number, found in topic.partitions.items()
    }


def _group(name: str, described: Any, found: Any) -> GroupState:
    offsets = found.topic_partitions or []
    committed = {(at.topic, at.partition): at.offset for at in offsets if at.offset > _NO_OFFSET}
    members = tuple(sorted({member.client_id for member in described.members}))
    return GroupState(name, described.state.name, members, committed)
