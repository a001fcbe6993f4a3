"""Topics: the list, and everything of one."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.console.hub import Hub
from penstock.console.look.kafka import PartitionState
from penstock.console.look.snapshot import Snapshot
from penstock.console.moment.progress import Lag, Reader
from penstock.console.records.messages import TopicNotFound
from penstock.errors import PenstockError


@dataclass(frozen=True)
class TopicRow:
    """A topic in the list.

    :param held: offsets, with the markers of transactions.
    :param rate: records per second.
    :param newest_s: the age of its newest record.
    :param behind: what its slowest reader has yet to read.
    """

    name: str
    kind: str
    partitions: int
    replicas: int
    is_whole: bool
    held: int
    rate: float | None
    newest_s: float | None
    readers: int
    behind: int | None


@dataclass(frozen=True)
class TopicDetail:
    """Everything of one topic."""

    topic: TopicRow
    partitions: tuple[PartitionState, ...]
    settings: dict[str, str]
    settings_problem: str | None
    subjects: dict[str, tuple[int, ...]]
    readers: tuple[tuple[str, str, Lag], ...]
    """(reader, kind, how far)."""


def list_topics(hub: Hub) -> list[TopicRow]:
    """Return every topic: changes, views, dead letters, then the internal ones.

    :raises NotSeen: Kafka was never seen.
    """
    snapshot, flow = hub.now.snapshot, hub.now.flow
    order = {"change": 0, "view": 1, "dead letters": 2, "internal": 3}
    rows = [_row(hub, snapshot, flow.readers, name) for name in snapshot.kafka.seen.cluster.topics]
    return sorted(rows, key=lambda row: (order[row.kind], row.name))


def topic_detail(hub: Hub, name: str, *, with_settings: bool = True) -> TopicDetail:
    """Return everything of one topic.

    :param with_settings: ask Kafka for them; everything else is known already.

    :raises TopicNotFound: there is none.
    """
    snapshot, flow = hub.now.snapshot, hub.now.flow
    kafka = snapshot.kafka.seen
    if name not in kafka.cluster.topics:
        raise TopicNotFound(f"topic {name}")
    settings, problem = topic_settings(hub, name) if with_settings else ({}, None)
    known = snapshot.registry.value or {}
    subjects = {
        f"{name}-{part}": known[f"{name}-{part}"].versions for part in ("key", "value") if f"{name}-{part}" in known
    }
    lags = tuple((each.name, each.kind, lag) for each in flow.readers for lag in each.lags if lag.topic == name)
    row = _row(hub, snapshot, flow.readers, name)
    return TopicDetail(row, kafka.cluster.topics[name].partitions, settings, problem, subjects, lags)


def _row(hub: Hub, snapshot: Snapshot, readers: tuple[Reader, ...], name: str) -> TopicRow:
    kafka = snapshot.kafka.seen
    state = kafka.cluster.topics[name]
    newest = [end.newest.at for (topic, _), end in kafka.ends.items() if topic == name and end.newest]
    lags: dict[str, int] = {}
    for reader in readers:
        for lag in reader.lags:
            if lag.topic == name:
                lags[reader.name] = lags.get(reader.name, 0) + lag.behind
    return TopicRow(
        name=name,
        kind=snapshot.kind_of(name),
        partitions=len(state.partitions),
        replicas=min((len(part.replicas) for part in state.partitions), default=0),
        is_whole=all(part.is_whole for part in state.partitions),
        held=state.held,
        rate=hub.recorder.rate(f"topic:{name}") if snapshot.kafka.now else None,
        newest_s=max(0.0, snapshot.at - max(newest)) if newest else None,
        readers=len(lags),
        behind=max(lags.values(), default=None),
    )


def topic_settings(hub: Hub, name: str) -> tuple[dict[str, str], str | None]:
    """Ask Kafka for the settings of a topic; without an answer, say why."""
    try:
        return hub.kafka.settings(name), None
    except PenstockError as exc:
        return {}, str(exc)
