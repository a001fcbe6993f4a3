"""Arrivals of change events and view records in their topics, and of rows in Cassandra, as a client sees them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from threading import Event
from typing import Any

from cassandra.cluster import Session
from cassandra.metadata import protect_name
from confluent_kafka import TopicPartition
from penstock_views.declaration.views import History, View

from penstock.bench.pace import LOOK_S
from penstock.bench.turns import Turns
from penstock.cassandra.values import Instant, bindable
from penstock.config import Config
from penstock.contract import LSN, VERSION
from penstock.pipeline.fence import ends
from penstock.registry.client import RegistryClient
from penstock.registry.decode import AvroDecoder, only_origin
from penstock.topics.consumer import open_consumer

_POLL_S = 0.1
_EACH_S = 0.1
"""Between two rows that are looked for: with one each 0.04 s the looks were a third of what the benchmark took."""
_LOOK_SHARE = 0.05
"""Interval between looks, as a share of the wait until now: the largest relative error of a measurement."""


@dataclass
class Seen:
    """What arrived, and when: seconds of the monotonic clock."""

    lsns: dict[int, int] = field(default_factory=dict)
    """The LSN of each transaction's change event, of many the first."""
    changes: dict[int, float] = field(default_factory=dict)
    """By LSN."""
    records: dict[tuple[str, int], float] = field(default_factory=dict)
    """By view and LSN; the first counts, for a job that was killed writes some again."""
    rows: dict[tuple[str, int], float] = field(default_factory=dict)
    """By view and LSN."""


class Arrivals:
    """Follows the topics of some views from where they end now; `seen` grows with each `poll`."""

    def __init__(self, config: Config, views: Sequence[View], registry: RegistryClient, session: Session) -> None:
        self.seen = Seen()
        self._by_topic = {view.topic: view for view in views}
        self._decoder = AvroDecoder(registry)
        self._origins = AvroDecoder(registry, read=partial(only_origin, of_source={"lsn", "txId"}))
        self._turns = Turns()
        self._lookout = _Lookout(session, config.names.keyspace, self.seen)
        self._consumer = open_consumer(config.kafka.bootstrap, group=config.names.group("bench"))
        topics = {*self._by_topic, *(view.source_topic for view in views)}
        self._consumer.assign([TopicPartition(*place, end) for place, end in ends(config, topics).items()])

    def poll(self) -> bool:
        """Take what has arrived; return whether anything had.

        Raises what the driver raises when a row cannot be read: then no figure counts.
        """
        record = self._consumer.poll(_POLL_S)
        at = time.monotonic()
        if record is None or record.error() is not None:
            return False
        view = self._by_topic.get(record.topic() or "")
        if view is None:
            self._take_change(record, at)
        else:
            self._take_record(view, record, at)
        return True

    def close(self) -> None:
        """End the looking."""
        self._lookout.close()
        self._consumer.close()

    def _take_change(self, record: Any, at: float) -> None:
        value = self._origins.decode(record.value()).value
        if isinstance(value, dict) and value["source"]["txId"] is not None:
            lsn = value["source"]["lsn"]
            self.seen.changes[lsn] = at
            self.seen.lsns.setdefault(value["source"]["txId"], lsn)

    def _take_record(self, view: View, record: Any, at: float) -> None:
        headers = dict(record.headers() or ())
        if record.value() is None or LSN not in headers:
            return
        arrival = (view.name, int(headers[LSN]))
        self.seen.records.setdefault(arrival, at)
        if self._turns.came(view.name, at) and self._lookout.is_free:
            self._turns.took(view.name, at)
            self._lookout.look(view, arrival, self._decoder.decode(record.key()).value, int(headers[VERSION]))


class _Lookout:
    """Reads one row at a time from Cassandra until it has its version, with pauses to take little itself."""

    def __init__(self, session: Session, keyspace: str, seen: Seen) -> None:
        self._session, self._keyspace, self._seen = session, keyspace, seen
        self._prepared: dict[str, Any] = {}
        self._due = 0.0
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._looking: Future[None] | None = None
        self._closed = Event()

    @property
    def is_free(self) -> bool:
        return (self._looking is None or self._looking.done()) and time.monotonic() >= self._due

    def look(self, view: View, arrival: tuple[str, int], key: dict[str, Any], version: int) -> None:
        """Begin to look for a row; raises what ended the look before this one."""
        if self._looking is not None:
            self._looking.result()
        self._due = time.monotonic() + _EACH_S
        self._looking = self._pool.submit(self._see, view, arrival, key, version)

    def close(self) -> None:
        self._closed.set()
        self._pool.shutdown()

    def _see(self, view: View, arrival: tuple[str, int], key: dict[str, Any], version: int) -> None:
        if self._appears(view, key, version):
            self._seen.rows[arrival] = time.monotonic()

    def _appears(self, view: View, key: dict[str, Any], version: int) -> bool:
        """Look until a row has its version; without success where there is none, as others may delete rows."""
        bound = self._bound(view, key)
        # An UPDATE that changes nothing finds its row there, in all but a history.
        is_new = isinstance(view, History)
        started = time.monotonic()
        while not self._closed.is_set():
            row = self._session.execute(self._statement(view), bound).one()
            if row is None and not is_new:
                return False
            if row is not None and row["row_version"] >= version:
                return True
            # The longer it takes, the fewer looks: each takes from what is timed, most where there is least to take.
            time.sleep(max(LOOK_S, (time.monotonic() - started) * _LOOK_SHARE))
        return False

    def _statement(self, view: View) -> Any:
        if view.name not in self._prepared:
            where = " AND ".join(f"{protect_name(column)} = ?" for column in view.primary_key)
            table = f"{protect_name(self._keyspace)}.{protect_name(view.name)}"
            self._prepared[view.name] = self._session.prepare(f"SELECT row_version FROM {table} WHERE {where}")  # noqa: S608
        return self._prepared[view.name]

    def _bound(self, view: View, key: dict[str, Any]) -> tuple[Any, ...]:
        columns = self._session.cluster.metadata.keyspaces[self._keyspace].tables[view.name].columns
        return tuple(_bindable(columns[name].cql_type, key[name]) for name in view.primary_key)


def _bindable(cql_type: str, value: Any) -> Any:
    return bindable(cql_type, Instant.of(value) if isinstance(value, datetime) else value)
