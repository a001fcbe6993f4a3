"""Dead letters: what was refused, grouped by cause, and writing those of the sink again once the cause is mended.

Only the sink's are replayed: a record of a view carries its version, so a late one does not win over a newer one. After
`gc_grace_seconds` it would win over a deletion, so old ones are refused.

A change would get a new offset, hence a higher version, and an old row would win: those are mended at the source.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from penstock.brokers import librdkafka_settings
from penstock.connect.secrets import HIDDEN
from penstock.console.hub import Hub
from penstock.console.records.filter import Filter
from penstock.console.records.messages import Search, open_small_consumer, search
from penstock.console.records.records import RecordView
from penstock.console.safety.guard import Caller
from penstock.contract import CONNECT_ERRORS, HISTORY
from penstock.errors import TerminalError, TransientError
from penstock.installation import Names
from penstock.offsets import Place
from penstock.topics.admin import KafkaUnreachable, silent_logger
from penstock.topics.declare import RECORD_RETENTION

_SHOWN = 500
_NAMED = 20
_AT_ONCE = 1000
_READ_S = 3.0
_FLUSH_S = 20.0
_ID = re.compile(r"(.+)/([0-9]{1,9})/([0-9]{1,18})")
_VARIABLE = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|'[^']*'|\"[^\"]*\"|`[^`]*`|\d+")


class NotReplayable(TerminalError):
    """These records must not simply be written again."""

    def __init__(self, topic: str) -> None:
        super().__init__(
            f"records of {topic} are not replayed: a change that is written again would count as newer than it is, and "
            "an old row would win; mend the cause, then write the row again in Postgres"
        )


class LetterUnknown(TerminalError):
    """That names no dead letter."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name[:100]!r} names no dead letter; write topic/partition/offset, as they are listed")


class TooMany(TerminalError):
    """So many letters are not written at once."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count:,} dead letters are too many at once: {_AT_ONCE:,} at most")


class LettersTooOld(TerminalError):
    """Cassandra may have dropped the tombstone of a later deletion: these would bring deleted rows back."""

    def __init__(self, ids: list[str], topics: list[str]) -> None:
        more = f" and {len(ids) - _NAMED:,} more" if len(ids) > _NAMED else ""
        repairs = ", ".join(f"`penstock views repair {topic.rpartition('.')[2]} [KEY]`" for topic in topics)
        super().__init__(
            f"nothing was written: {len(ids):,} of these dead letters are older than {RECORD_RETENTION.days} days and "
            f"could bring back rows that were deleted later: {', '.join(ids[:_NAMED])}{more}. Replay the others; for "
            f"these {repairs} writes what Postgres has now"
        )


class ReplayIncomplete(TransientError):
    """Kafka did not take all records."""

    def __init__(self, left: int) -> None:
        super().__init__(f"Kafka did not take {left} of the records in time; replay again: a second time does no harm")


@dataclass(frozen=True)
class DeadLetter:
    """A refused record: where it comes from, at which stage and why it was refused."""

    id: str
    origin_topic: str
    origin_partition: str
    origin_offset: str
    connector: str
    stage: str
    reason: str
    record: RecordView


@dataclass(frozen=True)
class Cause:
    """Letters with the same cause; numbers and names in the message do not make another cause."""

    topic: str
    connector: str
    stage: str
    message: str
    count: int
    first_ms: int
    last_ms: int
    can_replay: bool
    letters: tuple[DeadLetter, ...]


@dataclass(frozen=True)
class Letters:
    """What was found: of each dead-letter topic the newest so many."""

    causes: tuple[Cause, ...]
    looked_at: int
    of: int


@dataclass(frozen=True)
class Preview:
    """What a replay writes: `ids`. Those that retention took meanwhile are `gone`."""

    records: int
    targets: dict[str, int]
    ids: tuple[str, ...]
    gone: tuple[str, ...]

    @property
    def text(self) -> str:
        """Its numbers, for people."""
        gone = f"; {len(self.gone):,} no longer exist" if self.gone else ""
        return f"{self.records:,} dead letter{'s' if self.records != 1 else ''}{gone}"


def list_letters(hub: Hub) -> Letters:
    """Return the newest dead letters, grouped by cause, the most frequent cause first.

    :raises NotSeen: Kafka was never seen.
    """
    topics = hub.now.snapshot.kafka.seen.cluster.topics
    groups: dict[tuple[str, str, str, str], list[DeadLetter]] = {}
    looked_at = held = 0
    group = hub.config.names.group("console")
    for topic in hub.config.names.dead_letter_topics:
        if topic not in topics:
            continue
        wanted = Search(topic, start=f"end-{_SHOWN}", keeps=Filter(), limit=_SHOWN)
        found = search(hub.kafka, hub.reader, bootstrap=hub.config.kafka.bootstrap, group=group, wanted=wanted)
        looked_at, held = looked_at + len(found.records), held + topics[topic].held
        for letter in map(_letter, found.records):
            key = (topic, letter.connector, letter.stage, _VARIABLE.sub("…", letter.reason))
            groups.setdefault(key, []).append(letter)
    causes = [_cause(hub.config.names, *key, letters) for key, letters in groups.items()]
    return Letters(tuple(sorted(causes, key=lambda cause: -cause.count)), looked_at, held)


def preview(hub: Hub, ids: list[str]) -> Preview:
    """Say what a replay of these letters would write.

    :param ids: `topic/partition/offset` of each.
    :raises LetterUnknown, NotReplayable, LettersTooOld: one is none, is not the sink's, or is too old.
    """
    return _preview(_read(hub, ids), ids)


def replay(hub: Hub, ids: list[str], *, caller: Caller) -> Preview:
    """Write these letters to the topics that they come from: original bytes, original headers.

    :raises LetterUnknown, NotReplayable, LettersTooOld: one is none, is not the sink's, or is too old.
    """
    target = f"{len(ids)} dead letters: {', '.join(ids[:20])}"
    return hub.guard.perform(lambda: _replay(hub, ids), caller=caller, what="replay", target=target)


def _letter(record: RecordView) -> DeadLetter:
    header = record.headers.get
    return DeadLetter(
        id=f"{record.topic}/{record.partition}/{record.offset}",
        origin_topic=header(f"{CONNECT_ERRORS}topic", "?"),
        origin_partition=header(f"{CONNECT_ERRORS}partition", "?"),
        origin_offset=header(f"{CONNECT_ERRORS}offset", "?"),
        connector=header(f"{CONNECT_ERRORS}connector.name", "?"),
        stage=header(f"{CONNECT_ERRORS}stage", "?"),
        reason=_reason(record.headers),
        record=record,
    )


def _reason(headers: Mapping[str, str]) -> str:
    """Return why a record was refused; where that is masked, the class of the error."""
    said = headers.get(f"{CONNECT_ERRORS}exception.message", "no reason given")
    return headers.get(f"{CONNECT_ERRORS}exception.class.name", said) if said == HIDDEN else said


def _cause(names: Names, topic: str, connector: str, stage: str, message: str, letters: list[DeadLetter]) -> Cause:
    times = [letter.record.timestamp_ms for letter in letters]
    newest = tuple(sorted(letters, key=lambda letter: -letter.record.timestamp_ms))
    can_replay = _can_replay(names, topic)
    return Cause(topic, connector, stage, message, len(letters), min(times), max(times), can_replay, newest)


def _can_replay(names: Names, topic: str) -> bool:
    return topic == names.dead_letter_topics[1]


def _read(hub: Hub, ids: list[str]) -> dict[str, Any]:
    """Return the message of each letter that is still there."""
    names, bootstrap = hub.config.names, hub.config.kafka.bootstrap
    places = _places(names, ids)
    try:
        with closing(open_small_consumer(bootstrap, names.group("console"))) as consumer:
            there = dict(_existing(consumer, places))
    except KafkaException as exc:
        raise KafkaUnreachable(bootstrap, exc.args[0].str()) from exc
    if old := {name: message for name, message in there.items() if _is_too_old(hub, message)}:
        raise LettersTooOld(list(old), sorted(set(map(_origin, old.values()))))
    return there


def _preview(there: Mapping[str, Any], ids: list[str]) -> Preview:
    gone = tuple(name for name in ids if name not in there)
    return Preview(len(there), dict(Counter(map(_origin, there.values()))), tuple(there), gone)


def _is_too_old(hub: Hub, message: Any) -> bool:
    """Return whether the tombstone of a later deletion may be gone; no entry of a history is ever deleted."""
    view = hub.now.snapshot.known.view_of(_origin(message))
    age_s = time.time() - message.timestamp()[1] / 1000
    return age_s > RECORD_RETENTION.total_seconds() and (view is None or view.kind != HISTORY)


def _places(names: Names, ids: list[str]) -> dict[str, TopicPartition]:
    if len(ids) > _AT_ONCE:
        raise TooMany(len(ids))
    places = {}
    for each in ids:
        match = _ID.fullmatch(each)
        if match is None or match[1] not in names.dead_letter_topics:
            raise LetterUnknown(each)
        if not _can_replay(names, match[1]):
            raise NotReplayable(match[1])
        places[each] = TopicPartition(match[1], int(match[2]), int(match[3]))
    return places


def _existing(consumer: Consumer, places: Mapping[str, TopicPartition]) -> Iterator[tuple[str, Any]]:
    bounds: dict[Place, tuple[int, int]] = {}
    for name, place in places.items():
        partition = (place.topic, place.partition)
        if partition not in bounds:
            bounds[partition] = consumer.get_watermark_offsets(place, timeout=_READ_S)
        begin, end = bounds[partition]
        message = _read_one(consumer, place) if begin <= place.offset < end else None
        if message is not None and message.offset() == place.offset:
            yield name, message


def _read_one(consumer: Consumer, place: TopicPartition) -> Any:
    """Return the message there, or the next one where retention took it.

    :raises KafkaException: the broker is away.
    """
    consumer.assign([place])
    message = consumer.poll(_READ_S)
    error = KafkaError(KafkaError._TIMED_OUT) if message is None else message.error()
    if error is not None:
        raise KafkaException(error)
    return message


def _origin(message: Any) -> str:
    headers = dict(message.headers() or ())
    return (headers.get(f"{CONNECT_ERRORS}topic") or b"?").decode()


def _replay(hub: Hub, ids: list[str]) -> Preview:
    there = _read(hub, ids)
    settings = {**librdkafka_settings(hub.config.kafka.bootstrap), "acks": "all", "enable.idempotence": True}
    # The partitioner of Java's producers: a key must stay in its partition.
    producer = Producer({**settings, "partitioner": "murmur2_random", "log_level": 0}, logger=silent_logger())
    refused: list[str] = []
    for message in there.values():
        headers = [(name, value) for name, value in message.headers() or () if not name.startswith(CONNECT_ERRORS)]
        try:
            producer.produce(
                _origin(message),
                value=message.value(),
                key=message.key(),
                headers=headers,
                on_delivery=lambda error, _: refused.append(error.str()) if error else None,
            )
        except KafkaException as exc:
            raise KafkaUnreachable(hub.config.kafka.bootstrap, exc.args[0].str()) from exc
    left = producer.flush(_FLUSH_S) + len(refused)
    if left:
        raise ReplayIncomplete(left)
    return _preview(there, ids)
