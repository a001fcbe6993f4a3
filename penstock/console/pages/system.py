"""The stack itself: its processes, the brokers, Postgres' slots, when each system was looked at, who changed what."""

from __future__ import annotations

import time
from typing import Any

from nicegui import ui

from penstock.console.hub import Hub
from penstock.console.look.parts import PartState
from penstock.console.look.reading import Reading
from penstock.console.pages.frame import Frame
from penstock.console.pages.pieces import Banner, Table, clock, column, heading, megabytes, span
from penstock.console.plain import UNKNOWN
from penstock.console.safety.guard import Entry
from penstock.postgres.slot import Slot

_PARTS = [
    column("name", "Part"),
    column("state", "State"),
    column("pid", "Pid", right=True),
    column("up", "Up", right=True),
    column("memory", "MB", kind="count"),
    column("address", "Listens on"),
]
_SOURCES = [
    column("name", "System"),
    column("state", "State"),
    column("at", "Last seen"),
    column("trouble", "Why not since"),
]
_SLOTS = [
    column("name", "Slot"),
    column("state", "State"),
    column("wal", "WAL"),
    column("retained", "Held back", right=True),
    column("behind", "Unconfirmed", right=True),
    column("lsn", "Confirmed up to"),
]
_AUDIT = [
    column("at", "Time"),
    column("who", "Who"),
    column("action", "What"),
    column("name", "On what"),
    column("outcome", "Outcome"),
]


def register(hub: Hub) -> None:
    """Add the page."""

    @ui.page("/parts", title="System · Penstock")
    def page() -> None:
        frame = Frame(hub, "System")
        with frame.content:
            banner = Banner()
            heading("Processes")
            parts = Table(_PARTS, empty="The supervisor has not been seen: the stack is not started by `penstock up`")
            heading("Looked at")
            sources = Table(_SOURCES, empty="")
            heading("Replication slots")
            slots = Table(_SLOTS, empty="Postgres has no slot, or has not been seen")
            heading("Audit", "every try to change something")
            audit = Table(_AUDIT, key="id", empty="Nobody has tried to change anything")

        def refresh() -> None:
            snapshot = hub.now.snapshot
            banner.show(snapshot.parts)
            parts.fill([_part(part) for part in (snapshot.parts.value or {}).values()])
            sources.fill([_source(reading) for reading in snapshot.readings])
            postgres = snapshot.postgres.value
            slots.fill([_slot(slot) for slot in (postgres.slots if postgres else ())])
            audit.fill([_entry(*numbered) for numbered in reversed(list(enumerate(hub.guard.entries)))])

        frame.every(1.0, refresh)


def _part(part: PartState) -> dict[str, Any]:
    return {
        "name": part.name,
        "state": part.state.lower(),
        "level": "ok" if part.runs else "down",
        "pid": part.pid or UNKNOWN,
        "up": span(time.time() - part.started_at if part.started_at else None),
        "memory": round(part.memory_mb) if part.runs else None,
        "address": part.address,
    }


def _source(reading: Reading[object]) -> dict[str, Any]:
    return {
        "name": reading.source,
        "state": "away" if reading.trouble else "seen",
        "level": "down" if reading.trouble else "ok",
        "at": clock(reading.at),
        "trouble": reading.trouble or "",
    }


def _slot(slot: Slot) -> dict[str, Any]:
    return {
        "name": slot.name,
        "state": "active" if slot.active else "not active",
        "level": "ok" if slot.active else "warn",
        "wal": slot.wal_status or "",
        "retained": megabytes(slot.retained),
        "behind": megabytes(slot.behind),
        "lsn": slot.lsn or "",
    }


def _entry(number: int, entry: Entry) -> dict[str, Any]:
    return {
        "id": number,
        "at": clock(entry.at),
        "who": entry.who,
        "action": entry.action,
        "name": entry.target,
        "outcome": entry.outcome,
    }
