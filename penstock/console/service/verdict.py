"""Concludes from the stores of a row whether its newest change is everywhere, and how long each step took."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.console.records.records import RecordView
from penstock.console.service.stores import Store, offset_in


@dataclass(frozen=True)
class Step:
    """How long the newest change took from one place to the next, in milliseconds."""

    name: str
    ms: int


def verdict_on(stores: list[Store], letters: int) -> tuple[str, bool]:
    """Say in words whether the stores agree, and whether all is well.

    :param letters: how many dead letters have the key of the row.
    """
    away = [store.name for store in stores if store.state == "away"]
    late = [store for store in stores if store.state in {"behind", "missing"}]
    rejected = f"; {letters} dead letters have this key" if letters else ""
    if away:
        return f"cannot be known: {', '.join(away)} away{rejected}", False
    if stores[0].state == "missing" and stores[1].state == "gone":
        return f"no such row, and no change of it{rejected}", not letters
    if all(store.state == "unknown" for store in stores[1:]):
        return f"cannot be known: {stores[0].note}, and {stores[1].note}{rejected}", False
    if late:
        first = late[0]
        others = f", and {len(late) - 1} more" if len(late) > 1 else ""
        return f"not everywhere yet: {first.name}: {first.note}{others}{rejected}", False
    differing = [store for store in stores if store.differs]
    if stores[0].state == "gone":
        return f"deleted, and gone everywhere{rejected}", not letters
    if differing:
        columns = ", ".join(differing[0].differs)
        return f"the newest change is everywhere; {differing[0].name} holds other values of {columns}{rejected}", False
    return f"the newest change is everywhere{rejected}", not letters


def steps_of(change: RecordView | None, records: list[RecordView]) -> tuple[Step, ...]:
    """Return how long a change took to Kafka, and from there to each of its view records."""
    source = (change.source or {}) if change is not None else {}
    committed = source.get("ts_ms")
    if change is None or not committed:
        return ()
    steps = [Step("commit → Kafka", max(0, change.timestamp_ms - committed))]
    of_change = [record for record in records if offset_in(record.version) == change.offset]
    steps += [
        Step(f"Kafka → {record.topic}", max(0, record.timestamp_ms - change.timestamp_ms)) for record in of_change
    ]
    return tuple(steps)
