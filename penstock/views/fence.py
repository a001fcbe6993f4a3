"""Wait until what is in the CDC topics now has come through: past the views job, and past the sink into Cassandra."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from contextlib import closing

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, TopicPartition
from penstock_views.checkpoint import committed

from penstock.config import Config
from penstock.connect.api import ConnectApi, State
from penstock.connect.apply import ConnectorFailed
from penstock.stack.layout import Layout
from penstock.views.connector_lists import SINK
from penstock.views.reread import OnProgress

Place = tuple[str, int]
"""Topic and partition."""

_POLL_S = 0.5
_REMIND_S = 30.0
_TIMEOUT_S = 10.0
_WINDOW = 200


def ends(config: Config, topics: Collection[str]) -> dict[Place, int]:
    """Return where each partition ends now."""
    with closing(_consumer(config, "penstock-fence")) as consumer:
        return {place: _end(consumer, place) for place in _places(consumer, topics)}


def wait_until_processed(config: Config, topics: Collection[str], *, on_progress: OnProgress) -> None:
    """Wait until the views job has committed every record that is in these CDC topics now; it commits once a minute."""
    with closing(_consumer(config, "penstock-fence")) as consumer:
        last = {place: _last_record(consumer, place) for place in _places(consumer, topics)}
    root = Layout.of(config).data("views") / "checkpoint"
    told = _Told(on_progress)
    while True:
        done = committed(root)
        behind = sum(max(0, offset + 1 - done.get(place, 0)) for place, offset in last.items())
        if not behind:
            return
        told.say(f"waiting until the views job has committed {behind:,} offsets (it does so once a minute)")
        time.sleep(_POLL_S)


def wait_until_written(config: Config, topics: Collection[str], *, on_progress: OnProgress) -> None:
    """Wait until Cassandra has acknowledged every record that is in these view topics now.

    :raises ConnectorFailed: when the sink fails meanwhile, with its trace.
    """
    wanted = ends(config, topics)
    told = _Told(on_progress)
    with closing(_consumer(config, f"connect-{SINK}")) as consumer:
        while True:
            places = [TopicPartition(*place) for place in wanted]
            done = {(at.topic, at.partition): at.offset for at in consumer.committed(places, timeout=_TIMEOUT_S)}
            behind = sum(_behind(end, done[place], consumer, place) for place, end in wanted.items())
            if not behind:
                return
            told.say(f"waiting until Cassandra has {behind:,} more records")
            _raise_if_failed(config)
            time.sleep(_POLL_S)


def _behind(end: int, done: int, consumer: Consumer, place: Place) -> int:
    if done == OFFSET_INVALID:
        low, _ = consumer.get_watermark_offsets(TopicPartition(*place), timeout=_TIMEOUT_S)
        done = low
    return max(0, end - done)


class _Told:
    """Says how it goes, at first and then now and again."""

    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress
        self._said_at = float("-inf")

    def say(self, line: str) -> None:
        if time.monotonic() - self._said_at > _REMIND_S:
            self._said_at = time.monotonic()
            self._on_progress(line)


def _last_record(consumer: Consumer, place: Place) -> int:
    """Find the offset of a partition's last record, -1 when it has none: its very end may be a transaction's marker."""
    low, end = consumer.get_watermark_offsets(TopicPartition(*place), timeout=_TIMEOUT_S)
    window = _WINDOW
    while True:
        begin = max(low, end - window)
        found = _offsets_from(consumer, place, begin, end)
        if found or begin == low:
            return max(found, default=-1)
        window *= 10


def _offsets_from(consumer: Consumer, place: Place, begin: int, end: int) -> list[int]:
    """Read the offsets of the committed records of a range."""
    consumer.assign([TopicPartition(*place, begin)])
    offsets: list[int] = []
    while True:
        for record in consumer.consume(_WINDOW, timeout=1.0):
            error, offset = record.error(), record.offset() or 0
            if (error is not None and error.code() == KafkaError._PARTITION_EOF) or offset >= end:
                return offsets
            if error is None:
                offsets.append(offset)


def _places(consumer: Consumer, topics: Iterable[str]) -> list[Place]:
    known = consumer.list_topics(timeout=_TIMEOUT_S).topics
    return [(topic, number) for topic in topics if topic in known for number in known[topic].partitions]


def _end(consumer: Consumer, place: Place) -> int:
    _, end = consumer.get_watermark_offsets(TopicPartition(*place), timeout=_TIMEOUT_S)
    return int(end)


def _consumer(config: Config, group: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": config.kafka.bootstrap,
            "group.id": group,
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "log_level": 0,
        }
    )


def _raise_if_failed(config: Config) -> None:
    with ConnectApi(config.connect.url) as api:
        status = api.status(SINK)
    if status.summary == State.FAILED:
        raise ConnectorFailed(status)
