"""Routes of the newest moment: pipeline, history, events, parts, readers, alerts, brokers, audit."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter

from penstock.console.hub import Hub
from penstock.console.look.parts import PartState
from penstock.console.moment.alerts import Alert, Change
from penstock.console.moment.events import Event
from penstock.console.moment.map import Flow
from penstock.console.moment.progress import Reader
from penstock.console.moment.recorder import Point
from penstock.console.safety.guard import Entry


def routes(hub: Hub) -> APIRouter:
    """Return the routes."""
    api = APIRouter()
    for add in (_moment, _systems, _reports):
        add(api, hub)
    return api


def _moment(api: APIRouter, hub: Hub) -> None:

    @api.get("/about", tags=["systems"])
    def about() -> dict[str, Any]:
        """Say what this is and what it may do."""
        return {
            "name": "penstock",
            "version": version("penstock"),
            "write": hub.guard.write,
            "masked": sorted(hub.mask.columns),
        }

    @api.get("/pipeline", tags=["pipeline"])
    def pipeline() -> Flow:
        """Return every system with its state, rate and figures, and how far Cassandra is behind Postgres."""
        return hub.now.flow

    @api.get("/pipeline/history", tags=["pipeline"])
    def history(seconds: int = 600) -> list[Point]:
        """Return one point for each of the last seconds, 600 at most."""
        return list(hub.recorder.points)[-max(1, seconds) :]


def _systems(api: APIRouter, hub: Hub) -> None:
    @api.get("/sources", tags=["systems"])
    def sources() -> list[dict[str, Any]]:
        """Say of each system when it was last seen, and why not since."""
        return [
            {"source": reading.source, "at": reading.at, "trouble": reading.trouble}
            for reading in hub.now.snapshot.readings
        ]

    @api.get("/postgres", tags=["systems"])
    def postgres() -> dict[str, Any]:
        """Return slots and published tables."""
        return asdict(hub.now.snapshot.postgres.seen)

    @api.get("/events", tags=["pipeline"])
    def events() -> list[Event]:
        """Return the last events, newest first."""
        return list(reversed(hub.recorder.events))

    @api.get("/parts", tags=["systems"])
    def parts() -> list[PartState]:
        """Return every process of the stack."""
        return list(hub.now.snapshot.parts.seen.values())

    @api.get("/readers", tags=["pipeline"])
    def readers() -> list[Reader]:
        """Return every consumer group and every Spark query with its lag."""
        return list(hub.now.flow.readers)

    @api.get("/brokers", tags=["systems"])
    def brokers() -> dict[str, Any]:
        """Return the brokers and what is not whole."""
        cluster = hub.now.snapshot.kafka.seen.cluster
        return {
            "cluster_id": cluster.cluster_id,
            "controller": cluster.controller,
            "brokers": cluster.brokers,
            "topics": len(cluster.topics),
            "incomplete_partitions": cluster.incomplete,
        }


def _reports(api: APIRouter, hub: Hub) -> None:
    @api.get("/alerts", tags=["alerts"])
    def alerts() -> list[Alert]:
        """Return every rule and how it stands."""
        return list(hub.now.alerts.values())

    @api.get("/alerts/history", tags=["alerts"])
    def alert_history() -> list[Change]:
        """Return when alerts began and ended to fire, newest first."""
        return list(reversed(hub.recorder.alert_history))

    @api.get("/audit", tags=["systems"])
    def audit() -> list[Entry]:
        """Return the last tries to change something, newest first."""
        return list(reversed(hub.guard.entries))
