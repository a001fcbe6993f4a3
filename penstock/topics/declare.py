"""The topics of Penstock and their settings, computed from the configuration; this module talks to nobody.

No CDC, view or dead-letter topic is ever compacted (docs/contracts.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

from penstock.config import Config
from penstock.names import topic_of
from penstock.sizes import DEAD_LETTER_BYTES, RECORD_BYTES
from penstock.topics.topic import Topic

# The `gc_grace_seconds` of the view tables must not be shorter: a replay must still meet its tombstones.
RECORD_RETENTION = timedelta(days=7)
# A dead letter waits for a person, and only Kafka has it. One older than the records is replayed to a history only.
DEAD_LETTER_RETENTION = timedelta(days=90)
# Of topics whose records nobody reads again.
_SHORT_RETENTION = timedelta(hours=1)
_FOREVER = "-1"
_CONNECT_TOPICS = {"configs": 1, "offsets": 4, "status": 2}
# Of both together, and of a segment, the unit in which Kafka lets go: a view that fails on each change of its table
# writes a dead letter for each.
_DEAD_LETTERS_BYTES = 1024 * 1024 * 1024
_DEAD_LETTER_SEGMENT_BYTES = 64 * 1024 * 1024


class TopicsOfView(Protocol):
    """What the topics need of a view."""

    @property
    def source_topic(self) -> str:
        """The topic of the changes that it reads."""
        ...

    @property
    def topic(self) -> str:
        """The topic of its records."""
        ...


def cdc_topics(views: Sequence[TopicsOfView]) -> tuple[str, ...]:
    """Return the CDC topics that these views are derived from."""
    return tuple(sorted({view.source_topic for view in views}))


def view_topics(views: Sequence[TopicsOfView]) -> tuple[str, ...]:
    """Return the topics that these views are written to."""
    return tuple(sorted(view.topic for view in views))


def declare_topics(
    config: Config, views: Sequence[TopicsOfView], *, sources: Sequence[Config] = ()
) -> tuple[Topic, ...]:
    """Return every topic that a stack with these views has, the data topics first.

    :param sources: the configuration as each source in use has it, where there is more than the first one.
    """
    return topics_beside(config, (*cdc_topics(views), *view_topics(views)), sources=sources)


def topics_beside(config: Config, data_topics: Iterable[str], *, sources: Sequence[Config] = ()) -> tuple[Topic, ...]:
    """Return every topic that a stack with these CDC and view topics has, those first.

    :param sources: as above.
    """
    return (
        *(_of_data(config, name) for name in data_topics),
        *(_dead_letters(config, name) for name in config.names.dead_letter_topics),
        *(topic for each in sources or (config,) for topic in _of_source(each)),
        *_of_servers(config),
    )


def _of_data(config: Config, name: str) -> Topic:
    return replace(_kept(config, name, config.kafka.partitions, RECORD_RETENTION), may_grow=True)


def _of_source(config: Config) -> Iterator[Topic]:
    """Return the topics of a source connector beside those of its tables."""
    names = config.names
    # What it notifies of snapshots matters as long as the records that they have read.
    yield _kept(config, names.notifications_topic, 1, RECORD_RETENTION)
    for name in (names.heartbeat_topic, topic_of(names.signals, names.topic_prefix)):
        yield _kept(config, name, 1, _SHORT_RETENTION)


def _of_servers(config: Config) -> Iterator[Topic]:
    """Return the topics in which the registry and Connect keep what they know; those of others have their own."""
    if config.registry.managed:
        yield _kept(config, config.names.registry_events, 1, _SHORT_RETENTION)
        yield from (_kept(config, name, 1, None) for name in config.names.registry_topics)
    if config.connect.managed:
        prefix = config.names.connect_cluster
        yield from (_compacted(config, f"{prefix}-{name}", count) for name, count in _CONNECT_TOPICS.items())


def _kept(config: Config, name: str, partitions: int, retention: timedelta | None) -> Topic:
    retention_ms = _FOREVER if retention is None else str(int(retention / timedelta(milliseconds=1)))
    settings = {
        "cleanup.policy": "delete",
        "retention.ms": retention_ms,
        "max.message.bytes": str(RECORD_BYTES),
        **_least_copies(config),
    }
    return Topic(name, partitions, config.kafka.replication_factor, settings)


def _dead_letters(config: Config, name: str) -> Topic:
    bounds = {
        "max.message.bytes": str(DEAD_LETTER_BYTES),
        "retention.bytes": str(_DEAD_LETTERS_BYTES // len(config.names.dead_letter_topics)),
        "segment.bytes": str(_DEAD_LETTER_SEGMENT_BYTES),
    }
    topic = _kept(config, name, 1, DEAD_LETTER_RETENTION)
    return replace(topic, settings=topic.settings | bounds)


def _compacted(config: Config, name: str, partitions: int) -> Topic:
    """Return an internal topic of Connect; a worker refuses to start when these are not compacted."""
    return Topic(
        name, partitions, config.kafka.replication_factor, {"cleanup.policy": "compact", **_least_copies(config)}
    )


def _least_copies(config: Config) -> dict[str, str]:
    """Say how many brokers must have a record, where one is not enough; brokers of others have their own default."""
    section = config.kafka
    has_more = section.managed and section.min_insync_replicas > 1
    return {"min.insync.replicas": str(section.min_insync_replicas)} if has_more else {}
