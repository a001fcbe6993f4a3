"""The stack itself: its processes, the brokers, Postgres' slots, when each system was looked at, who changed what."""

from __future__ import annotations

import time

from nicegui import ui

from penstock.console.flow import duration
from penstock.console.hub import Hub
from penstock.console.pages.frame import Frame
from penstock.console.pages.pieces import Banner, Table, clock, column, heading, megabytes
from penstock.console.plain import UNKNOWN


def register(hub: Hub) -> None:
    """Add the page."""

    @ui.page("/parts", title="System · Penstock")
    def page() -> None:
        frame = Frame(hub, "System")
        with frame.content:
            banner = Banner()
            heading("Processes")
            parts = Table(
                [
                    column("name", "Part"),
                    column("state", "State"),
                    column("pid", "Pid", right=True),
                    column("up", "Up", right=True),
                    column("memory", "MB", kind="count"),
                    column("address", "Listens on"),
                ],
                empty="The supervisor has not been seen: the stack is not started by `penstock up`",
            )
            heading("Looked at")
            sources = Table(
                [
                    column("name", "System"),
                    column("state", "State"),
                    column("at", "Last seen"),
                    column("trouble", "Why not since"),
                ],
                empty="",
            )
            heading("Replication slots")
            slots = Table(
                [
                    column("name", "Slot"),
                    column("state", "State"),
                    column("wal", "WAL"),
                    column("retained", "Held back", right=True),
                    column("behind", "Unconfirmed", right=True),
                    column("lsn", "Confirmed up to"),
                ],
                empty="Postgres has no slot, or has not been seen",
            )
            heading("Audit", "every try to change something")
            audit = Table(
                [
                    column("at", "Time"),
                    column("who", "Who"),
                    column("action", "What"),
                    column("name", "On what"),
                    column("outcome", "Outcome"),
                ],
                key="id",
                empty="Nobody has tried to change anything",
            )

        def refresh() -> None:
            snapshot = hub.now.snapshot
            banner.show(snapshot.parts)
            parts.fill(
                [
                    {
                        "name": part.name,
                        "state": part.state.lower(),
                        "level": "ok" if part.runs else "down",
                        "pid": part.pid or UNKNOWN,
                        "up": duration(time.time() - part.started_at) if part.started_at else UNKNOWN,
                        "memory": round(part.memory_mb) if part.runs else None,
                        "address": part.address,
                    }
                    for part in (snapshot.parts.value or {}).values()
                ]
            )
            sources.fill(
                [
                    {
                        "name": reading.source,
                        "state": "away" if reading.trouble else "seen",
                        "level": "down" if reading.trouble else "ok",
                        "at": clock(reading.at),
                        "trouble": reading.trouble or "",
                    }
                    for reading in snapshot.readings
                ]
            )
            postgres = snapshot.postgres.value
            slots.fill(
                [
                    {
                        "name": slot.name,
                        "state": "active" if slot.active else "not active",
                        "level": "ok" if slot.active else "warn",
                        "wal": slot.wal_status or "",
                        "retained": megabytes(slot.retained),
                        "behind": megabytes(slot.behind),
                        "lsn": slot.lsn or "",
                    }
                    for slot in (postgres.slots if postgres else ())
                ]
            )
            audit.fill(
                [
                    {
                        "id": number,
                        "at": clock(e.at),
                        "who": e.who,
                        "action": e.action,
                        "name": e.target,
                        "outcome": e.outcome,
                    }
                    for number, e in reversed(list(enumerate(hub.guard.entries)))
                ]
            )

        frame.every(1.0, refresh)
