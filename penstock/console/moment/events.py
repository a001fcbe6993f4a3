"""Events: the differences from one snapshot to the next that a person wants to know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from penstock.console.links import path_to
from penstock.console.look.snapshot import Snapshot
from penstock.console.moment.map import Flow, Health


@dataclass(frozen=True)
class Event:
    """Something that happened; `at` in seconds since 1970, `page` where to look."""

    at: float
    level: str
    text: str
    page: str


def differences(before: tuple[Snapshot, Flow], now: tuple[Snapshot, Flow]) -> Iterator[Event]:
    """Yield what happened between two moments."""
    yield from _boxes(before[1], now[1], now[0].at)
    yield from _parts(before[0], now[0])
    yield from _connectors(before[0], now[0])
    yield from _schemas(before[0], now[0])
    yield from _loads(before[0], now[0])


def _boxes(before: Flow, now: Flow, at: float) -> Iterator[Event]:
    was = {box.key: box for box in before.boxes}
    for box in now.boxes:
        old = was.get(box.key)
        if old is None or old.health == box.health or not old.at:
            continue
        if box.health is Health.OK:
            yield Event(at, "ok", f"{box.title} is well again", box.page)
        else:
            level = "down" if box.health is Health.DOWN else "warn"
            yield Event(at, level, f"{box.title}: {box.problem or box.headline}", box.page)


def _parts(before: Snapshot, now: Snapshot) -> Iterator[Event]:
    for name, part in (now.parts.now or {}).items():
        old = (before.parts.value or {}).get(name)
        if old is None:
            continue
        if old.runs and not part.runs:
            yield Event(now.at, "down", f"process {name} is gone ({part.state.lower()})", "/parts")
        elif part.runs and old.pid != part.pid:
            yield Event(now.at, "warn" if old.runs else "ok", f"process {name} was started (pid {part.pid})", "/parts")


def _connectors(before: Snapshot, now: Snapshot) -> Iterator[Event]:
    known = before.connect.value or {}
    for connector in now.connectors:
        name, old = connector.name, known.get(connector.name)
        if old is not None and old.state != connector.state:
            level = "ok" if connector.is_running else "down" if connector.state == "FAILED" else "warn"
            why = f": {connector.reason}" if connector.reason else ""
            yield Event(
                now.at, level, f"connector {name}: {old.state} → {connector.state}{why}", path_to("connectors", name)
            )


def _schemas(before: Snapshot, now: Snapshot) -> Iterator[Event]:
    if before.registry.value is None:
        return
    for name, subject in (now.registry.now or {}).items():
        old = before.registry.value.get(name)
        if old is None or len(old.versions) < len(subject.versions):
            yield Event(now.at, "ok", f"schema {name}: version {subject.versions[-1]}", path_to("schemas", name))


def _loads(before: Snapshot, now: Snapshot) -> Iterator[Event]:
    known = {run.id: run.state for run in before.airflow.value.runs} if before.airflow.value else None
    for run in now.airflow.now.runs if now.airflow.now and known is not None else ():
        if (known or {}).get(run.id) != run.state and run.state in {"running", "success", "failed"}:
            level = "down" if run.state == "failed" else "ok"
            yield Event(now.at, level, f"load {run.id}: {run.state}, {run.written:,} written", "/loads")
