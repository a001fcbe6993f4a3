"""Wait until what is now at one place of the pipeline has come past the next: Debezium, the jobs of Spark, the sink."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, TopicPartition
from penstock_views.aggregates.run import current_run, runs_folder
from penstock_views.declaration.totals import Aggregate
from penstock_views.declaration.views import View
from penstock_views.stream.checkpoint import ask_commit, committed, progress_in

from penstock.config import Config
from penstock.connect.apply import ConnectorWatch
from penstock.layout import Layout
from penstock.offsets import Place
from penstock.pipeline.stalled import JobWatch, NothingMoved, refuse_stopped
from penstock.postgres.connection import connect
from penstock.postgres.slot import unconfirmed_bytes
from penstock.topics.consumer import TO_THE_END, open_consumer

OnProgress = Callable[[str], None]
"""Called with how a wait goes, for people."""

MARKER = "penstock-fence"
"""The prefix of the messages in the WAL that mark a place."""

_POLL_S = 0.5
_REMIND_S = 30.0
_ASKED_AGAIN_S = 20.0
_TIMEOUT_S = 10.0
_WINDOW = 200


def ends(config: Config, topics: Collection[str]) -> dict[Place, int]:
    """Return where each partition ends now."""
    with closing(_consumer(config, config.names.group("fence"))) as consumer:
        return {place: _end(consumer, place) for place in _places(consumer, topics)}


def wait_until_arrived(
    config: Config, views: Collection[View], *, on_progress: OnProgress, stall_s: float = math.inf
) -> None:
    """Wait until the views' tables in Cassandra have every change that Postgres has committed by now.

    :raises ConnectorFailed, ConnectorIdle: when a source or the sink does not work meanwhile.
    :raises FlowStalled: after so many seconds without any progress, or when a job fails or the view is stopped.
    """
    names = [view.name for view in views]
    refuse_stopped(config, names)
    for source in sorted({view.source for view in views}):
        wait_until_captured(config.of_source(source), on_progress=on_progress, stall_s=stall_s)
    wait_until_processed(config, views, on_progress=on_progress, stall_s=stall_s)
    for view in views:
        if isinstance(view, Aggregate):
            wait_until_counted(config, view, on_progress=on_progress, stall_s=stall_s)
    refuse_stopped(config, names)
    wait_until_written(config, sorted(view.topic for view in views), on_progress=on_progress, stall_s=stall_s)


def wait_until_captured(config: Config, *, on_progress: OnProgress, stall_s: float = math.inf) -> None:
    """Wait until every change that Postgres has committed by now is in the CDC topics.

    A message in the WAL marks the place. Debezium leaves messages out of the topics (`message.prefix.exclude.list`),
    but confirms to Postgres that it has come to a place once Kafka has what lies before.
    https://www.postgresql.org/docs/18/functions-admin.html#FUNCTIONS-REPLICATION

    :raises ConnectorFailed, ConnectorIdle: when the source does not work meanwhile.
    :raises FlowStalled: after so many seconds without any progress.
    """
    with connect(config) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_logical_emit_message(true, %s, '')", (MARKER,))
        ((marker,),) = cursor.fetchall()

    def behind() -> int:
        with connect(config) as connection:
            return unconfirmed_bytes(connection, marker)

    watch = ConnectorWatch(config.connect.url, config.names.source_connector)
    _wait(behind, "Debezium has read {:,} more bytes of WAL", Patience(on_progress, stall_s, watch.look))


def wait_until_processed(
    config: Config, views: Collection[View], *, on_progress: OnProgress, stall_s: float = math.inf
) -> None:
    """Wait until the views job has committed what is in the CDC topics of these row views and histories now.

    :raises FlowStalled: after so many seconds without any progress, or when the job or a table's query keeps failing.
    """
    written = [view for view in views if not isinstance(view, Aggregate)]
    root, topics = Layout.of(config).row_views, sorted({view.source_topic for view in written})
    watch = JobWatch(config, "views", [view.name for view in written])
    patience = Patience(on_progress, stall_s, watch.look)
    _wait_for_job(config, topics, lambda: committed(root, topics), "views", patience, behind=_Asks(root).ask)


def wait_until_counted(config: Config, view: Aggregate, *, on_progress: OnProgress, stall_s: float = math.inf) -> None:
    """Wait until an aggregate has counted every record that is in its CDC topic now; it counts none before it begins.

    :raises FlowStalled: after so many seconds without any progress, or when the job or this aggregate keeps failing.
    """
    root = runs_folder(Layout.of(config).aggregates, view.name)

    def counted() -> Mapping[Place, int]:
        run = current_run(root)  # another one may have started meanwhile
        return progress_in(run.checkpoint) if run else {}

    if current_run(root) is not None:
        patience = Patience(on_progress, stall_s, _counts(config, view))
        _wait_for_job(config, [view.source_topic], counted, "aggregates", patience)


def _counts(config: Config, view: View) -> Callable[[], None]:
    watch = JobWatch(config, "aggregates", [view.name])

    def look() -> None:
        watch.look()
        refuse_stopped(config, [view.name])

    return look


def wait_until_written(
    config: Config, topics: Collection[str], *, on_progress: OnProgress, stall_s: float = math.inf
) -> None:
    """Wait until Cassandra has acknowledged every record that is in these view topics now.

    :raises ConnectorFailed, ConnectorIdle: when the sink does not work meanwhile.
    :raises FlowStalled: after so many seconds without any progress.
    """
    wanted = ends(config, topics)
    with sink_place(config) as sink:
        patience = Patience(on_progress, stall_s, ConnectorWatch(config.connect.url, config.names.sink).look)
        _wait(lambda: sink.behind(wanted), "Cassandra has {:,} more records", patience)


class SinkPlace:
    """How far the sink is, as it has last committed: once a second, what Cassandra has acknowledged."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer

    def behind(self, wanted: Mapping[Place, int]) -> int:
        """Return how many records before these offsets Cassandra has not acknowledged."""
        places = [TopicPartition(*place) for place in wanted]
        done = {(at.topic, at.partition): at.offset for at in self._consumer.committed(places, timeout=_TIMEOUT_S)}
        return sum(_behind(end, done[place], self._consumer, place) for place, end in wanted.items())

    def behind_ends(self, topics: Collection[str]) -> int:
        """Return the same of what these topics hold now."""
        return self.behind({place: _end(self._consumer, place) for place in _places(self._consumer, topics)})


@contextmanager
def sink_place(config: Config) -> Iterator[SinkPlace]:
    """Open what asks again and again how far the sink is."""
    with closing(_consumer(config, config.names.sink_group)) as consumer:
        yield SinkPlace(consumer)


def _wait_for_job(
    config: Config,
    topics: Collection[str],
    committed: Callable[[], Mapping[Place, int]],
    job: str,
    patience: Patience,
    *,
    behind: Callable[[Collection[str]], None] = lambda _: None,
) -> None:
    """Wait until a job has committed what is in these topics now.

    :param behind: is called, again and again, with the topics in which it has not.
    """
    with closing(_consumer(config, config.names.group("fence"))) as consumer:
        last = {place: _last_record(consumer, place) for place in _places(consumer, topics)}

    def missing() -> int:
        done = committed()
        missed = {place: max(0, offset + 1 - done.get(place, 0)) for place, offset in last.items()}
        behind({topic for (topic, _), count in missed.items() if count})
        return sum(missed.values())

    _wait(missing, f"the {job} job has committed {{:,}} more offsets", patience)


class _Asks:
    """Asks the views job for commits: at once, and again if nothing comes of it, as the job may have died over it.

    :param root: the folder of the job's checkpoints.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._asked_at: dict[str, float] = {}

    def ask(self, topics: Collection[str]) -> None:
        """Ask for a commit of each of these topics."""
        now = time.monotonic()
        for topic in topics:
            if now - self._asked_at.get(topic, -math.inf) > _ASKED_AGAIN_S:
                self._asked_at[topic] = now
                ask_commit(self._root, topic)


def _wait(behind: Callable[[], int], what: str, patience: Patience) -> None:
    """Look again and again until nothing is behind.

    :param what: is waited for, with a place for the number.
    :raises FlowStalled: when the patience is at its end.
    """
    while missing := behind():
        patience.spend(missing, what.format(missing))
        time.sleep(_POLL_S)


def _behind(end: int, done: int, consumer: Consumer, place: Place) -> int:
    if done == OFFSET_INVALID:
        low, _ = consumer.get_watermark_offsets(TopicPartition(*place), timeout=_TIMEOUT_S)
        done = low
    return max(0, end - done)


class Patience:
    """Patience of a wait: says how it goes, at first and then now and again, and ends when nothing moves.

    :param stall_s: how many seconds without any progress are borne.
    :param check: raises when waiting on is in vain.
    """

    def __init__(self, on_progress: OnProgress, stall_s: float, check: Callable[[], None] = lambda: None) -> None:
        self._on_progress = on_progress
        self._stall_s = stall_s
        self._check = check
        self._said_at = -math.inf
        self._moved_at = time.monotonic()
        self._least = math.inf

    def spend(self, missing: int, what: str) -> None:
        """Bear it a moment longer.

        :param missing: how much is not there yet.
        :raises FlowStalled: when the patience is at its end.
        """
        now = time.monotonic()
        if now - self._said_at > _REMIND_S:
            self._said_at = now
            self._on_progress(f"waiting until {what}")
        if missing < self._least:
            self._least, self._moved_at = missing, now
        elif now - self._moved_at > self._stall_s:
            raise NothingMoved(what, self._stall_s)
        self._check()


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
    return open_consumer(config.kafka.bootstrap, group=group, more=TO_THE_END)
