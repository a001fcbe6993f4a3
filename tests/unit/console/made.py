"""Snapshots as the collectors would make them, for tests of what follows from them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from penstock.console.look.airflow import AirflowState
from penstock.console.look.cassandra import CassandraState
from penstock.console.look.connect import ConnectorView, TaskView
from penstock.console.look.declared import Declared
from penstock.console.look.ends import End, Newest
from penstock.console.look.kafka import GroupState, KafkaState, PartitionState, TopicState
from penstock.console.look.postgres import PostgresState, SourceTable
from penstock.console.look.reading import Reading
from penstock.console.look.snapshot import KafkaView, Snapshot
from penstock.console.look.source_api import ApiState
from penstock.console.look.spark import Query, SparkState
from penstock.installation import Names
from penstock.postgres.slot import Slot
from penstock.project.declared import DeclaredView

NOW = 1_764_000_000.0
CHANGES, VIEW, SINK = "app.public.users", "views.users_by_id", Names().sink_group

# A reading of the past that no clock makes stale.
_FRESH_S = 1e12


def reading(value: Any, source: str = "system") -> Reading[Any]:
    return Reading(source, _FRESH_S, value, NOW)


def away(reason: str = "connection refused") -> Reading[Any]:
    return Reading("system", _FRESH_S, None, 0.0, reason, NOW - 5)


def view(**fields: Any) -> DeclaredView:
    made = {
        "name": "users_by_id",
        "kind": "row",
        "source": "",
        "table": "public.users",
        "key": ("id",),
        "primary_key": ("id",),
        "revision": 1,
        "origin": "spark/views/users.py:1",
        "topic": VIEW,
        "source_topic": CHANGES,
    }
    return DeclaredView(**{**made, **fields})


def topic(name: str, end: int, *, in_sync: tuple[int, ...] = (1,)) -> TopicState:
    return TopicState(name, (PartitionState(0, 0, end, 1, (1,), in_sync),))


def newest(offset: int, **headers: str) -> Newest:
    return Newest(offset, NOW - 1, b"", b"", headers)


def connector(name: str = Names().sink, kind: str = "sink", state: str = "RUNNING", **fields: Any) -> ConnectorView:
    tasks = (TaskView(-1, "RUNNING", "w", None), TaskView(0, state, "w", None))
    made = ConnectorView(name, kind, state, int(state == "RUNNING"), tasks, None, None, {})
    return replace(made, **fields)


def slot(**fields: Any) -> Slot:
    return replace(Slot("penstock", "app", True, "reserved", 2**20, 0, "0/1", None, None), **fields)


def snapshot(*, changes_end: int = 11, view_version: int = 9, sink_at: int = 5, **fields: Any) -> Snapshot:
    """Ten changes at the offsets 0 to 9 and a marker; the view's newest record stands for `view_version`."""
    records = tuple((offset, NOW - 20 + offset) for offset in range(10))
    ends = {
        (CHANGES, 0): End(10, newest(9), records),
        (VIEW, 0): End(5, newest(4, version=str(2**52 + view_version)), tuple((o, NOW - 9 + o) for o in range(5))),
    }
    cluster = KafkaState("c", 1, ("b:1",), {CHANGES: topic(CHANGES, changes_end), VIEW: topic(VIEW, 5)})
    sources = PostgresState("18", "0/1", 3, (slot(),), (SourceTable("public.users", 10, 10, 100, ("id",)),))
    queries = (Query("views", "penstock-views", True, 3, NOW - 40, {CHANGES: {0: 2}}, 300.0),)
    made: dict[str, Any] = {
        "declared": reading(Declared((view(),))),
        "parts": reading({}),
        "api": reading(ApiState("http://api", "1.4")),
        "airflow": reading(AirflowState(True, True, True, ())),
        "postgres": reading(sources),
        "connect": reading({each.name: each for each in (connector(), connector(Names().source_connector, "source"))}),
        "kafka": reading(KafkaView(cluster, ends)),
        "groups": reading({SINK: GroupState(SINK, "STABLE", ("m",), {(VIEW, 0): sink_at})}),
        "registry": reading({}),
        "spark": reading(SparkState("ALIVE", 1, 1, 2, ("penstock-views",), queries)),
        "cassandra": reading(CassandraState("5", 1, 1, {})),
    }
    return Snapshot(NOW, **{**made, **fields})


def without(system: str, reason: str = "connection refused") -> Snapshot:
    fields: dict[str, Any] = {system: away(reason)}
    return snapshot(**fields)
