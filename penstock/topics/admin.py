"""Asks the brokers about topics: their partitions, settings and records, by confluent-kafka's admin client.

The one seam to the admin client: its errors become ours here.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import starmap
from typing import Any

from confluent_kafka import (
    OFFSET_INVALID,
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # re-exported there without `__all__`
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ListOffsetsResultInfo,
    NewTopic,
    OffsetSpec,
)

from penstock.brokers import librdkafka_settings
from penstock.errors import TerminalError, Unreachable
from penstock.offsets import Place
from penstock.topics.topic import Topic

# confluent-kafka leaves these without types.
EARLIEST: OffsetSpec = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]
_NEWEST: OffsetSpec = OffsetSpec.max_timestamp()  # type: ignore[no-untyped-call]
_HAS_MEMBERS = {
    KafkaError.NON_EMPTY_GROUP,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.GROUP_SUBSCRIBED_TO_TOPIC,
}

_NOT_LET_IN = {KafkaError._AUTHENTICATION, KafkaError._SSL}


class KafkaUnreachable(Unreachable):
    """No broker answers."""

    def __init__(self, bootstrap: str, cause: str) -> None:
        super().__init__(f"Kafka does not answer at {bootstrap} ({cause})")


class TopicNotCreated(TerminalError):
    """The broker refuses to create a topic."""

    def __init__(self, name: str, cause: str) -> None:
        super().__init__(f"topic {name} could not be created: {cause}")


@dataclass(frozen=True)
class TopicState:
    """A topic as it is; `records` counts offsets, transaction markers too; None where a partition has no leader."""

    name: str
    partitions: int
    replication_factor: int
    records: int | None
    settings: dict[str, str]


@dataclass(frozen=True)
class Cluster:
    """The brokers together.

    :param brokers: `host:port` of each.
    :param settings: of one of them; empty where our user may not ask.
    """

    id: str
    brokers: tuple[str, ...]
    settings: dict[str, str]


class TopicAdmin:
    """A client of one cluster.

    :param bootstrap: `host:port` of a broker.
    :param timeout_s: of one request.
    """

    def __init__(self, bootstrap: str, *, timeout_s: float = 15) -> None:
        self._bootstrap = bootstrap
        self._timeout_s = timeout_s
        self._trouble = ""
        settings: dict[str, Any] = {**librdkafka_settings(bootstrap), "log_level": 0, "error_cb": self._note_trouble}
        self._client = AdminClient(settings, logger=silent_logger())

    def topics(self) -> dict[str, tuple[int, int]]:
        """Return (partitions, replication factor) of every topic.

        :raises KafkaUnreachable: no broker answers in time.
        """
        try:
            metadata = self._client.list_topics(timeout=self._timeout_s)
        except KafkaException as exc:
            raise self._unreachable(exc) from exc
        return {name: (len(topic.partitions), _replicas(topic)) for name, topic in metadata.topics.items()}

    def cluster(self) -> Cluster:
        """Return what the brokers say of themselves.

        :raises KafkaUnreachable: no broker answers in time.
        """
        try:
            metadata = self._client.list_topics(timeout=self._timeout_s)
        except KafkaException as exc:
            raise self._unreachable(exc) from exc
        brokers = tuple(f"{each.host}:{each.port}" for each in metadata.brokers.values())
        return Cluster(metadata.cluster_id or "", brokers, self._broker_settings(min(metadata.brokers)))

    def behind(self, names: Iterable[str]) -> list[str]:
        """Name the partitions of these topics (`topic/number`) that lack a leader or a replica in sync.

        :raises KafkaUnreachable: no broker answers in time.
        """
        return [
            f"{name}/{partition.id}"
            for name, topic in self._described(names).items()
            for partition in topic.partitions
            if partition.leader is None or len(partition.isr) < len(partition.replicas)
        ]

    def operations(self, names: Iterable[str]) -> dict[str, frozenset[str]]:
        """Return what our user may do with each topic, by Kafka's names.

        :raises KafkaUnreachable: no broker answers in time.
        """
        found = self._described(names, include_authorized_operations=True)
        return {name: frozenset(each.name for each in topic.authorized_operations) for name, topic in found.items()}

    def refused(self, topics: Sequence[Topic]) -> dict[str, str]:
        """Return which topics the brokers would not create, and why; none is created."""
        if not topics:
            return {}
        asked = self._client.create_topics(
            [_new(topic) for topic in topics], validate_only=True, request_timeout=self._timeout_s
        )
        why = {name: future.exception() for name, future in asked.items()}
        return {name: exc.args[0].str() for name, exc in why.items() if isinstance(exc, KafkaException)}

    def hidden_groups(self, groups: Sequence[str]) -> list[str]:
        """Return those of the consumer groups that our user may not look at; none of them need be there."""
        asked = self._client.describe_consumer_groups(list(groups), request_timeout=self._timeout_s)
        why = {name: future.exception() for name, future in asked.items()}
        return [
            name
            for name, exc in why.items()
            if isinstance(exc, KafkaException) and exc.args[0].code() == KafkaError.GROUP_AUTHORIZATION_FAILED
        ]

    def settings(self, names: Iterable[str]) -> dict[str, dict[str, str]]:
        """Return all topic settings of each topic, defaults included."""
        resources = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in names]
        if not resources:
            return {}
        described = self._client.describe_configs(resources, request_timeout=self._timeout_s)
        return {
            resource.name: {key: entry.value for key, entry in self._result(future).items()}
            for resource, future in described.items()
        }

    def records(self, partitions: Mapping[str, int]) -> dict[str, int]:
        """Return how many offsets each topic holds (end minus beginning, over its partitions, committed).

        A topic of which a partition has no leader is left out.

        :raises KafkaUnreachable: no partition answers.
        """
        places = _places(partitions)
        beginnings, ends = self._answered(places, EARLIEST), self._answered(places, LATEST)
        held = {place: end - beginnings[place] for place, end in ends.items() if place in beginnings}
        return {
            name: sum(held[name, number] for number in range(count))
            for name, count in partitions.items()
            if all((name, number) in held for number in range(count))
        }

    def bounds(self, partitions: Mapping[str, int]) -> dict[Place, tuple[int, int]]:
        """Return the first offset of each partition and the one behind its last committed record.

        :param partitions: how many each topic has.
        :raises KafkaUnreachable: no broker answers in time.
        """
        places = _places(partitions)
        begins, ends = self._found(places, EARLIEST), self._found(places, LATEST)
        return {place: (begins[place].offset, end.offset) for place, end in ends.items()}

    def ids(self, names: Iterable[str]) -> dict[str, str]:
        """Return the id of each topic that exists; one that is deleted and made again gets another.

        :raises KafkaUnreachable: no broker answers in time.
        """
        wanted = sorted(frozenset(names) & self.topics().keys())
        return {name: str(topic.topic_id) for name, topic in self._described(wanted).items()}

    def committed(self, group: str) -> dict[Place, int]:
        """Return the offsets that a consumer group has committed; none when there is no such group.

        :raises KafkaUnreachable: no broker answers in time.
        """
        asked = [ConsumerGroupTopicPartitions(group)]
        (future,) = self._client.list_consumer_group_offsets(asked, request_timeout=self._timeout_s).values()
        found = self._result(future).topic_partitions
        return {(at.topic, at.partition): at.offset for at in found if at.offset != OFFSET_INVALID}

    def commit(self, group: str, offsets: Mapping[Place, int]) -> bool:
        """Commit offsets of a consumer group; False while it has members.

        :raises KafkaUnreachable: no broker answers in time.
        """
        wanted = ConsumerGroupTopicPartitions(group, [TopicPartition(*place, at) for place, at in offsets.items()])
        asked = self._client.alter_consumer_group_offsets([wanted], request_timeout=self._timeout_s)
        try:
            for future in asked.values():
                if refused := [at.error for at in future.result().topic_partitions if at.error]:
                    raise KafkaException(refused[0])
        except KafkaException as exc:
            if exc.args[0].code() in _HAS_MEMBERS:
                return False
            raise self._unreachable(exc) from exc
        return True

    def newest_at_s(self, partitions: Mapping[str, int]) -> float | None:
        """Return when the newest record of these topics was made, in seconds since 1970; None when all are empty.

        :param partitions: how many each topic has.
        :raises KafkaUnreachable: no broker answers in time.
        """
        found = self._found(_places(partitions), _NEWEST).values()
        times_ms = [newest.timestamp for newest in found if newest.timestamp >= 0]
        return max(times_ms) / 1000 if times_ms else None

    def create(self, topics: Sequence[Topic]) -> None:
        """Create topics that do not exist; one that appeared meanwhile is left.

        :raises TopicNotCreated: the broker refuses one.
        """
        wanted = [_new(topic) for topic in topics]
        if not wanted:
            return
        for name, future in self._client.create_topics(wanted, request_timeout=self._timeout_s).items():
            try:
                future.result()
            except KafkaException as exc:
                if exc.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise TopicNotCreated(name, exc.args[0].str()) from exc

    def alter(self, settings: Mapping[str, Mapping[str, str]]) -> None:
        """Set these settings of topics that exist; others stay as they are.

        :raises KafkaUnreachable: no broker answers in time.
        """
        resources = [
            ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=list(starmap(_set, wanted.items())))
            for name, wanted in settings.items()
        ]
        if not resources:
            return
        for future in self._client.incremental_alter_configs(resources, request_timeout=self._timeout_s).values():
            self._result(future)

    def delete(self, names: Sequence[str]) -> None:
        """Delete topics; one that does not exist is no error.

        :raises KafkaUnreachable: no broker answers in time.
        """
        if not names:
            return
        for future in self._client.delete_topics(list(names), request_timeout=self._timeout_s).values():
            try:
                future.result()
            except KafkaException as exc:
                if exc.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise self._unreachable(exc) from exc

    def delete_records(self, ends: Mapping[Place, int]) -> None:
        """Delete the records of partitions before these offsets.

        :raises KafkaUnreachable: no broker answers in time.
        """
        places = [TopicPartition(*place, end) for place, end in ends.items()]
        for future in self._client.delete_records(places, request_timeout=self._timeout_s).values():
            self._result(future)

    def clear(self, names: Iterable[str]) -> list[str]:
        """Delete all records of topics, whose offsets go on; return those topics that there are.

        :raises KafkaUnreachable: no broker answers in time.
        """
        there = self.topics()
        partitions = {name: there[name][0] for name in names if name in there}
        bounds = self.bounds(partitions)
        if ends := {place: end for place, (begin, end) in bounds.items() if end > begin}:
            self.delete_records(ends)
        return list(partitions)

    def delete_group(self, group: str) -> bool:
        """Delete a consumer group and its offsets; False while it still has members.

        A group that does not exist counts as deleted.

        :raises KafkaUnreachable: no broker answers in time.
        """
        for future in self._client.delete_consumer_groups([group], request_timeout=self._timeout_s).values():
            try:
                future.result()
            except KafkaException as exc:
                if exc.args[0].code() == KafkaError.NON_EMPTY_GROUP:
                    return False
                if exc.args[0].code() != KafkaError.GROUP_ID_NOT_FOUND:
                    raise self._unreachable(exc) from exc
        return True

    def _described(self, names: Iterable[str], **more: bool) -> dict[str, Any]:
        if not (wanted := list(names)):
            return {}
        described = self._client.describe_topics(TopicCollection(wanted), request_timeout=self._timeout_s, **more)
        return {name: self._result(future) for name, future in described.items()}

    def _broker_settings(self, broker: int) -> dict[str, str]:
        asked = [ConfigResource(ConfigResource.Type.BROKER, str(broker))]
        (future,) = self._client.describe_configs(asked, request_timeout=self._timeout_s).values()
        if isinstance(exc := future.exception(), KafkaException):
            if exc.args[0].code() == KafkaError.CLUSTER_AUTHORIZATION_FAILED:
                return {}
            raise self._unreachable(exc)
        return {name: str(entry.value) for name, entry in future.result().items()}

    def _found(self, places: Sequence[TopicPartition], spec: OffsetSpec) -> dict[Place, ListOffsetsResultInfo]:
        return {place: self._result(future) for place, future in self._ask_offsets(places, spec).items()}

    def _answered(self, places: Sequence[TopicPartition], spec: OffsetSpec) -> dict[Place, int]:
        """Return the offset of each partition that has a leader."""
        asked = self._ask_offsets(places, spec)
        failed = {
            place: exc for place, future in asked.items() if isinstance(exc := future.exception(), KafkaException)
        }
        if failed and len(failed) == len(asked):
            raise self._unreachable(next(iter(failed.values())))
        return {place: future.result().offset for place, future in asked.items() if place not in failed}

    def _ask_offsets(self, places: Sequence[TopicPartition], spec: OffsetSpec) -> dict[Place, Future[Any]]:
        if not places:
            return {}
        futures = self._client.list_offsets(
            dict.fromkeys(places, spec),
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=self._timeout_s,
        )
        return {(place.topic, place.partition): future for place, future in futures.items()}

    def _result(self, future: Future[Any]) -> Any:
        try:
            return future.result()
        except KafkaException as exc:
            raise self._unreachable(exc) from exc

    def _note_trouble(self, error: KafkaError) -> None:
        # A request only says that it came to no end; why nobody was let in is said here.
        if error.code() in _NOT_LET_IN:
            self._trouble = f"; {error.str()}"

    def _unreachable(self, exc: KafkaException) -> KafkaUnreachable:
        self._client.poll(0)  # lets it report its trouble
        return KafkaUnreachable(self._bootstrap, exc.args[0].str() + self._trouble)


def _new(topic: Topic) -> NewTopic:
    return NewTopic(topic.name, topic.partitions, topic.replication_factor, config=topic.settings)


def _set(name: str, value: str) -> ConfigEntry:
    return ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)


def _places(partitions: Mapping[str, int]) -> list[TopicPartition]:
    return [TopicPartition(name, number) for name, count in partitions.items() for number in range(count)]


def _replicas(topic: Any) -> int:
    return min((len(partition.replicas) for partition in topic.partitions.values()), default=0)


def silent_logger() -> logging.Logger:
    """Return a logger for librdkafka that says nothing: what matters reaches us from the calls themselves."""
    logger = logging.getLogger("penstock.librdkafka")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger
