"""Progress of each reader of Kafka: consumer groups by what they committed, Spark's queries by what they wrote.

Spark's Real-time Mode commits once in minutes. But each record that it writes carries the offset of its change (the
version, docs/contracts.md), and each dead letter its origin. They give its position, to the record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from penstock.console.look.ends import End
from penstock.console.look.kafka import GroupState
from penstock.console.look.snapshot import Snapshot
from penstock.console.look.spark import Query
from penstock.contract import AGGREGATE, CONNECT_ERRORS, EPOCH, OFFSETS_PER_GENERATION, VERSION
from penstock.offsets import Place


@dataclass(frozen=True)
class Lag:
    """How far a reader is in one partition; `seconds` = the age of the oldest record that it has yet to read."""

    topic: str
    partition: int
    position: int
    end: int
    behind: int
    seconds: float | None


class ReaderKind(StrEnum):
    """What a reader of Kafka is, as pages and API show it."""

    GROUP = "consumer group"
    QUERY = "Spark query"


@dataclass(frozen=True)
class Reader:
    """A consumer group or a Spark query; `source` says where its position is known from."""

    name: str
    kind: ReaderKind
    state: str
    is_well: bool
    reads_as: str
    source: str
    lags: tuple[Lag, ...]
    late_s: float
    """How long it is behind for sure: in Real-time Mode a change that no view shows seems unread until a commit."""
    known_every_s: float = 0.0
    """How old its position may be, and with it how far behind it seems."""

    @property
    def behind(self) -> int:
        """Records that it has yet to read."""
        return sum(lag.behind for lag in self.lags)

    @property
    def seconds(self) -> float:
        """The age of the oldest record that it has yet to read; 0 when there is none."""
        return _longest(self.lags)


def readers(snapshot: Snapshot) -> list[Reader]:
    """Return every reader that is known, unhealthy ones first, then those that are behind."""
    found = [*_spark_readers(snapshot), *_group_readers(snapshot)]
    return sorted(found, key=lambda reader: (reader.is_well, -reader.behind, reader.kind, reader.name))


def _group_readers(snapshot: Snapshot) -> Iterator[Reader]:
    for group in (snapshot.groups.now or {}).values():
        # Groups that only hold a session (Connect's workers) read no topic of ours.
        if group.committed:
            lags = tuple(_lags(snapshot, _read_on(snapshot, group)))
            yield Reader(
                name=group.name,
                kind=ReaderKind.GROUP,
                state=group.state.lower(),
                # One that nobody is in (a registry that was restarted takes a new one) matters when something waits.
                is_well=group.state == "STABLE" or not any(lag.behind for lag in lags),
                reads_as=", ".join(group.members) or "no member",
                source="committed offsets",
                lags=lags,
                late_s=_longest(lags),
            )


def _read_on(snapshot: Snapshot, group: GroupState) -> Mapping[Place, int]:
    """Return the places that a group goes on from: the sink keeps those of paused views until they resume."""
    if group.name != snapshot.names.sink_group:
        return group.committed
    paused = {view.topic for view in snapshot.known.views if view.paused}
    return {place: at for place, at in group.committed.items() if place[0] not in paused}


def _spark_readers(snapshot: Snapshot) -> Iterator[Reader]:
    spark = snapshot.spark.now
    for query in spark.queries if spark else ():
        positions, source = positions_of(snapshot, query)
        lags = tuple(_lags(snapshot, positions))
        yield Reader(
            name=query.name,
            kind=ReaderKind.QUERY,
            state=f"batch {query.batch:,}" if query.runs else "its application does not run",
            is_well=query.runs,
            reads_as=query.application,
            source=source,
            lags=lags,
            late_s=_late_s(snapshot, query, lags) if query.is_real_time else _longest(lags),
            known_every_s=query.commits_every_s,
        )


def _longest(lags: Iterable[Lag]) -> float:
    return max((lag.seconds or 0.0 for lag in lags), default=0.0)


def _late_s(snapshot: Snapshot, query: Query, lags: Iterable[Lag]) -> float:
    """Return for how long a query in Real-time Mode is behind for sure.

    A record is late that waits for longer than until a commit. So is one that waited already when the query wrote its
    newest record: the query is that slow.
    """
    written = written_positions(snapshot)
    late = [0.0]
    for lag in lags:
        waits_s = lag.seconds or 0.0
        late.append(waits_s - query.commits_every_s)
        if (lag.topic, lag.partition) in written:
            _, written_at = written[lag.topic, lag.partition]
            late.append(waits_s - (snapshot.at - written_at))
    return max(late)


def positions_of(snapshot: Snapshot, query: Query) -> tuple[dict[Place, int], str]:
    """Say where a query is, and from what that is known."""
    committed = {(topic, number): at for topic, of in query.committed.items() for number, at in of.items()}
    if not query.is_real_time:
        return committed, "offset log of its checkpoint"
    for topic in snapshot.known.source_topics:
        committed.setdefault((topic, 0), 0)
    written = written_positions(snapshot)
    if not written:
        return committed, "offset log of its checkpoint (written once in `spark.commit_interval_s`)"
    offsets = {place: offset for place, (offset, _) in written.items()}
    return {place: max(at, offsets.get(place, 0)) for place, at in committed.items()}, "versions of its newest records"


def written_positions(snapshot: Snapshot) -> dict[Place, tuple[int, float]]:
    """Say up to where the row views' query has written, and when, by the records themselves.

    Only of change topics with one partition: a version does not say from which of several its offset is.
    """
    kafka = snapshot.kafka.now
    found: dict[Place, tuple[int, float]] = {}
    for topic in snapshot.known.source_topics if kafka else ():
        state = kafka.cluster.topics.get(topic) if kafka else None
        if kafka and state and len(state.partitions) == 1:
            epoch = _epoch(kafka.ends.get((topic, 0)))
            written = [*_versions(snapshot, kafka.ends, topic, epoch), *_dead_letters(kafka.ends, topic, epoch)]
            if written:
                offset, at = max(written)
                found[topic, 0] = offset + 1, at
    return found


def _epoch(end: End | None) -> int:
    """Return the epoch of the newest change, 0 where nobody knows; offsets of an earlier one are of another topic."""
    text = end.newest.headers.get(EPOCH, "") if end and end.newest else ""
    return int(text) if text.isdigit() else 0


def _versions(snapshot: Snapshot, ends: Mapping[Place, End], source: str, epoch: int) -> Iterator[tuple[int, float]]:
    views = {view.topic: view for view in snapshot.known.views if view.source_topic == source}
    for (topic, _), end in ends.items():
        if topic in views and views[topic].kind != AGGREGATE and end.newest:
            version, generation = end.newest.headers.get(VERSION, ""), epoch + views[topic].revision - 1
            # A fill from an empty topic has the version before the first of its generation.
            if version.isdigit() and int(version) + 1 >= generation * OFFSETS_PER_GENERATION:
                yield offset_of(int(version)), end.newest.at


def offset_of(version: int) -> int:
    """Return the offset that a version holds; -1 of a fill from a table whose change topic was empty."""
    return (version + 1) % OFFSETS_PER_GENERATION - 1


def _dead_letters(ends: Mapping[Place, End], source: str, epoch: int) -> Iterator[tuple[int, float]]:
    for newest in (end.newest for end in ends.values() if end.newest):
        headers = newest.headers
        if epoch and headers.get(EPOCH, str(epoch)) != str(epoch):
            continue
        if headers.get(f"{CONNECT_ERRORS}topic") == source and headers.get(f"{CONNECT_ERRORS}offset", "").isdigit():
            yield int(headers[f"{CONNECT_ERRORS}offset"]), newest.at


def _lags(snapshot: Snapshot, positions: Mapping[Place, int]) -> Iterator[Lag]:
    kafka = snapshot.kafka.now
    if kafka is None:
        return
    for (topic, number), position in sorted(positions.items()):
        state = kafka.cluster.topics.get(topic)
        part = next((each for each in state.partitions if each.number == number), None) if state else None
        if part is None:
            continue
        end, followed = part.end, kafka.ends.get((topic, number))
        # What retention has deleted nobody waits for: of a quiet topic the last to go is a marker.
        left = max(position, part.beginning)
        behind, since = followed.behind(left, end) if followed else (max(0, end - left), None)
        seconds = max(0.0, snapshot.at - since) if since else None
        yield Lag(topic, number, position, end, behind, seconds if behind else 0.0)


def group_of(snapshot: Snapshot, name: str) -> GroupState | None:
    """Find a consumer group."""
    return (snapshot.groups.now or {}).get(name)
