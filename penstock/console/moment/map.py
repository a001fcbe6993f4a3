"""Map: a snapshot drawn as the pipeline, with a box for each system, the rates, and how far behind Cassandra is.

Pure: no clock, no I/O. The box of a system that is away is red (`Health.DOWN`) and has the reason (`Box.problem`).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from penstock.connect.heartbeat import is_silent
from penstock.console.look.postgres import PostgresState
from penstock.console.look.reading import Reading
from penstock.console.look.snapshot import OF_LOADS, KafkaView, Snapshot
from penstock.console.moment.progress import Reader, ReaderKind, readers
from penstock.console.plain import UNKNOWN, duration
from penstock.installation import Names
from penstock.postgres.slot import Slot

_MB = 2**20
_WAL_WARN_MB = 512
_BEHIND_WARN_S = 10


class Health(StrEnum):
    """How a box is."""

    OK = "ok"
    WARN = "warn"
    DOWN = "down"


@dataclass(frozen=True)
class Box:
    """One system on the map. `at` = when it was last seen, in seconds since 1970; 0 = never."""

    key: str
    title: str
    page: str
    health: Health
    headline: str
    facts: tuple[tuple[str, str], ...]
    problem: str | None
    at: float
    rate: float | None
    """What leaves it, in rows or records per second; None where nobody knows."""

    @property
    def is_starting(self) -> bool:
        """Return whether it was not looked at yet."""
        return not self.at and self.health is not Health.DOWN


@dataclass(frozen=True)
class Flow:
    """The whole pipeline; `freshness_s` = how long Cassandra is behind Postgres at most, None where nobody knows."""

    boxes: tuple[Box, ...]
    freshness_s: float | None
    late_s: float | None
    """How long it is behind for sure."""
    why: str
    readers: tuple[Reader, ...]


@dataclass(frozen=True)
class _Seen:
    health: Health
    headline: str
    facts: tuple[tuple[str, str], ...]
    problem: str | None = None


RateOf = Callable[[str], float | None]


def build_flow(snapshot: Snapshot, rate_of: RateOf) -> Flow:
    """Build the pipeline from what is known.

    :param rate_of: the rate of a counter (`table:…`, `topic:…`, `sink`, `airflow`) per second.
    """
    known = readers(snapshot)
    changes = _sum(rate_of(f"topic:{topic}") for topic in snapshot.known.source_topics)
    views = _sum(rate_of(f"topic:{view.topic}") for view in snapshot.known.views)
    tables = _sum(rate_of(f"table:{table}") for table in snapshot.known.tables)
    boxes: tuple[Box, ...] = (
        _box("api", "API", "/loads", snapshot.api, _api(snapshot), rate_of("fetched")),
        _box("airflow", "Airflow", "/loads", snapshot.airflow, _airflow(snapshot), rate_of("written")),
        _box("postgres", "Postgres", "/follow", snapshot.postgres, _postgres(snapshot), tables),
        _box("debezium", "Debezium", "/connectors", snapshot.connect, _source(snapshot), changes),
        _box("changes", "Kafka: changes", "/topics", snapshot.kafka, _topics(snapshot, "change", rate_of), changes),
        _box("spark", "Spark", "/readers", snapshot.spark, _spark(snapshot, known), views),
        _box("views", "Kafka: views", "/topics", snapshot.kafka, _topics(snapshot, "view", rate_of), views),
        _box("sink", "Cassandra sink", "/connectors", snapshot.connect, _connector(snapshot, "sink"), rate_of("sink")),
        _box("cassandra", "Cassandra", "/views", snapshot.cassandra, _cassandra(snapshot, rate_of), rate_of("sink")),
    )
    freshness_s, late_s, why = _freshness(snapshot, known)
    if not snapshot.has_loads:
        boxes = tuple(box for box in boxes if box.key not in OF_LOADS)
    return Flow(boxes, freshness_s, late_s, why, tuple(known))


def _box(key: str, title: str, page: str, reading: Reading[Any], seen: _Seen | None, rate: float | None) -> Box:
    if seen is None:
        trouble = reading.trouble or "nothing is known of it yet"
        starting = reading.value is None and reading.problem is None
        headline = "connecting" if starting else "away"
        return Box(key, title, page, Health.WARN if starting else Health.DOWN, headline, (), trouble, reading.at, None)
    return Box(key, title, page, seen.health, seen.headline, seen.facts, seen.problem, reading.at, rate)


def _api(snapshot: Snapshot) -> _Seen | None:
    api = snapshot.api.now
    return None if api is None else _Seen(Health.OK, "answers", (("version", api.version), ("at", api.url)))


def _airflow(snapshot: Snapshot) -> _Seen | None:
    airflow = snapshot.airflow.now
    if airflow is None:
        return None
    facts: tuple[tuple[str, str], ...] = (("runs known", f"{len(airflow.runs)}"),)
    headline, has_failed = "no load yet", False
    if airflow.runs:
        run = airflow.runs[0]
        headline, has_failed = f"last load {run.state}", run.state == "failed"
        facts = (("fetched", f"{run.fetched:,}"), ("written", f"{run.written:,}"), ("rejected", f"{run.rejected:,}"))
    if airflow.ill:
        return _Seen(Health.DOWN, headline, facts, f"no heartbeat: {', '.join(airflow.ill)}")
    return _Seen(Health.WARN if has_failed else Health.OK, headline, facts)


def _postgres(snapshot: Snapshot) -> _Seen | None:
    postgres = snapshot.postgres.now
    if postgres is None:
        return None
    rows = ("rows (estimate)", f"{sum(table.rows for table in postgres.tables):,}")
    if postgres.away:
        return _Seen(Health.DOWN, "a source is away", (rows,), "; ".join(_sources_away(postgres)))
    slots = {slot.name: slot for slot in postgres.slots}
    seen = [_slot(names.slot, slots.get(names.slot), rows) for names in snapshot.sources]
    return next((each for health in (Health.DOWN, Health.WARN) for each in seen if each.health is health), seen[0])


def _sources_away(postgres: PostgresState) -> list[str]:
    return [f"source {source}: {why}" for source, why in postgres.away.items()]


def _slot(name: str, slot: Slot | None, rows: tuple[str, str]) -> _Seen:
    if slot is None:
        return _Seen(Health.DOWN, "no slot", (rows,), f"the replication slot {name} does not exist")
    retained = slot.retained / _MB
    facts = (
        ("slot", f"{slot.name} · {'active' if slot.active else 'not active'}"),
        ("unconfirmed", f"{slot.behind / _MB:,.1f} MB"),
        rows,
    )
    headline = f"{retained:,.1f} MB WAL held"
    if slot.wal_status in {"lost", "unreserved"}:
        return _Seen(Health.DOWN, headline, facts, f"the slot's WAL is {slot.wal_status}: changes are being lost")
    if not slot.active:
        return _Seen(Health.WARN, headline, facts, "nobody reads the slot; it holds back WAL until somebody does")
    too_much = retained > _WAL_WARN_MB
    return _Seen(Health.WARN if too_much else Health.OK, headline, facts, "much WAL is held" if too_much else None)


def _source(snapshot: Snapshot) -> _Seen | None:
    seen = _connector(snapshot, "source")
    silent = _silent(snapshot)
    if seen is None or seen.health is not Health.OK or not silent:
        return seen
    names = max(silent, key=lambda each: silent[each])
    what = f"{names.source_connector} has" if names.source else "it has"
    problem = f"{what} written nothing for {duration(silent[names])}, not even a heartbeat: it has stalled"
    return replace(seen, health=Health.DOWN, problem=problem)


def _silent(snapshot: Snapshot) -> dict[Names, float]:
    """Return for how long source connectors have written nothing, where that says that they have stalled."""
    if snapshot.kafka.now is None:
        return {}
    ages = {names: _age_s(snapshot, snapshot.kafka.now, names) for names in snapshot.sources}
    return {names: age_s for names, age_s in ages.items() if is_silent(age_s)}


def _age_s(snapshot: Snapshot, kafka: KafkaView, names: Names) -> float:
    """Return how long ago the connector of a source wrote something."""
    changes = {view.source_topic for view in snapshot.known.views if view.source == names.source}
    newest_at = _newest_at(kafka, {names.heartbeat_topic, *changes})
    return 0.0 if newest_at is None else snapshot.at - newest_at


def _newest_at(kafka: KafkaView, topics: Container[str]) -> float | None:
    """Return when the newest record of these topics was made."""
    return max((end.newest.at for (name, _), end in kafka.ends.items() if name in topics and end.newest), default=None)


def _connector(snapshot: Snapshot, kind: str) -> _Seen | None:
    connectors = snapshot.connect.now
    if connectors is None:
        return None
    names = snapshot.of_pipeline(kind)
    if absent := [name for name in names if name not in connectors]:
        return _Seen(Health.DOWN, "none", (), f"there is no connector {absent[0]}; `penstock up` applies it")
    worst = next(each for each in connectors.values() if each.name in names)  # the collector puts what failed first
    tasks = len(worst.tasks) - 1
    facts: tuple[tuple[str, str], ...] = (("connector", worst.name), ("tasks", f"{worst.running} of {tasks} run"))
    if worst.is_running and worst.running >= 1:
        return _Seen(Health.OK, worst.state, facts)
    paused = worst.state in {"PAUSED", "STOPPED"}
    reason = worst.reason or f"{worst.name} is {worst.state.lower()}"
    problem = f"{reason}; {worst.watched}" if worst.watched else reason
    return _Seen(Health.WARN if paused else Health.DOWN, worst.state, facts, problem)


def _topics(snapshot: Snapshot, kind: str, rate_of: RateOf) -> _Seen | None:
    kafka = snapshot.kafka.now
    if kafka is None:
        return None
    topics = [name for name in kafka.cluster.topics if snapshot.kind_of(name) == kind]
    newest = _newest_at(kafka, topics)
    rate = _sum(rate_of(f"topic:{name}") for name in topics)
    facts: tuple[tuple[str, str], ...] = (
        ("topics", f"{len(topics)}"),
        ("newest", "none yet" if newest is None else f"{duration(snapshot.at - newest)} ago"),
        ("brokers", f"{len(kafka.cluster.brokers)}"),
    )
    headline = UNKNOWN if rate is None else f"{rate:,.1f} records/s"
    if lost := _without_leader(snapshot, kind):
        return _Seen(Health.DOWN, headline, facts, f"no leader: {', '.join(lost[:3])}; bring back its broker")
    if kafka.cluster.incomplete:
        listed = ", ".join(kafka.cluster.incomplete[:3])
        return _Seen(Health.WARN, headline, facts, f"{len(kafka.cluster.incomplete)} partitions not whole: {listed}")
    if kind == "change" and snapshot.registry.trouble and snapshot.registry.at:
        return _Seen(Health.WARN, headline, facts, f"Schema Registry: {snapshot.registry.trouble}")
    return _Seen(Health.OK, headline, facts)


def _without_leader(snapshot: Snapshot, *kinds: str) -> list[str]:
    """Name the partitions of topics of these kinds whose end nobody knows."""
    topics = snapshot.kafka.now.cluster.topics.values() if snapshot.kafka.now else ()
    ours = [topic for topic in topics if snapshot.kind_of(topic.name) in kinds]
    return [f"{topic.name}/{each.number}" for topic in ours for each in topic.partitions if not each.is_led]


def _spark(snapshot: Snapshot, known: list[Reader]) -> _Seen | None:
    spark = snapshot.spark.now
    if spark is None:
        return None
    queries = [reader for reader in known if reader.kind is ReaderKind.QUERY]
    behind, seconds = sum(reader.behind for reader in queries), max((r.late_s for r in queries), default=0.0)
    facts = (
        ("queries", f"{sum(reader.is_well for reader in queries)} of {len(queries)} run"),
        ("behind", f"{duration(seconds)}"),
        ("cores", f"{spark.cores_used} of {spark.cores}"),
    )
    headline = f"{behind:,} records behind"
    if spark.workers == 0:
        return _Seen(Health.DOWN, headline, facts, "no worker is registered with the master")
    if spark.troubles:
        return _Seen(Health.DOWN, headline, facts, "; ".join(spark.troubles))
    stopped = [reader.name for reader in queries if not reader.is_well]
    if stopped:
        return _Seen(Health.DOWN, headline, facts, f"does not run: {', '.join(stopped)}")
    late = seconds > _BEHIND_WARN_S
    return _Seen(Health.WARN if late else Health.OK, headline, facts, f"{duration(seconds)} behind" if late else None)


def _cassandra(snapshot: Snapshot, rate_of: RateOf) -> _Seen | None:
    cassandra, kafka = snapshot.cassandra.now, snapshot.kafka.now
    if cassandra is None:
        return None
    letters = None
    if kafka is not None:
        states = [kafka.cluster.topics.get(topic) for topic in snapshot.names.dead_letter_topics]
        letters = sum(state.held for state in states if state)
    facts = (
        ("nodes", f"{cassandra.nodes_up} of {cassandra.nodes} up"),
        ("tables", f"{len(cassandra.tables)}"),
        ("dead letters", UNKNOWN if letters is None else f"{letters:,}"),
    )
    rate = rate_of("sink")
    headline = UNKNOWN if rate is None else f"{rate:,.1f} rows/s"
    if cassandra.nodes_up < cassandra.nodes:
        return _Seen(Health.WARN, headline, facts, f"{cassandra.nodes - cassandra.nodes_up} nodes are down")
    return _Seen(
        Health.WARN if letters else Health.OK, headline, facts, f"{letters:,} dead letters" if letters else None
    )


def _freshness(snapshot: Snapshot, known: list[Reader]) -> tuple[float | None, float | None, str]:
    """Return how old the oldest change is that Cassandra lacks, at most and for sure, and what it waits for."""
    missing: dict[str, Reading[Any]] = {
        "Postgres": snapshot.postgres,
        "Kafka Connect": snapshot.connect,
        "Kafka": snapshot.kafka,
        "its consumer groups": snapshot.groups,
        "Spark": snapshot.spark,
    }
    for name, reading in missing.items():
        if reading.now is None:
            return None, None, f"{name}: {reading.trouble}"
    for away in _sources_away(snapshot.postgres.seen):
        return None, None, away
    if lost := _without_leader(snapshot, "change", "view"):
        return None, None, f"Kafka: {lost[0]} has no leader"
    behind = [reader for reader in known if reader.behind and is_of_pipeline(snapshot, reader)]
    waits = {reader.name: reader.seconds for reader in behind}
    idle = {slot.name: slot.inactive_since for slot in _slots(snapshot) if not slot.active and slot.inactive_since}
    for slot, inactive_since in idle.items():
        waits[f"slot {slot}, which nobody reads"] = snapshot.at - inactive_since
    for names, silent_s in _silent(snapshot).items():
        if names.slot not in idle:
            connector = f"connector {names.source_connector}" if names.source else "the source connector"
            waits[f"{connector}, which writes nothing"] = silent_s
    if not waits:
        return 0.0, 0.0, "everything that Kafka holds is in Cassandra"
    slowest = max(waits, key=lambda name: waits[name])
    late_s = max((waits | {reader.name: reader.late_s for reader in behind}).values())
    commit = ", or only for its next commit" if late_s < waits[slowest] else ""
    return waits[slowest], late_s, f"waits for {slowest}{commit}"


def _slots(snapshot: Snapshot) -> list[Slot]:
    """Return the replication slots of the source databases."""
    postgres, names = snapshot.postgres.now, {each.slot for each in snapshot.sources}
    return [slot for slot in postgres.slots if slot.name in names] if postgres else []


def is_of_pipeline(snapshot: Snapshot, reader: Reader) -> bool:
    """Return whether a reader carries rows to Cassandra."""
    return reader.kind is ReaderKind.QUERY or reader.name == snapshot.names.sink_group


def _sum(rates: Iterable[float | None]) -> float | None:
    known = [rate for rate in rates if rate is not None]
    return sum(known) if known else None


def wal_retained_mb(snapshot: Snapshot) -> Mapping[str, float]:
    """Return the WAL that each slot holds back, in MB."""
    postgres = snapshot.postgres.now
    return {slot.name: slot.retained / _MB for slot in postgres.slots} if postgres else {}
