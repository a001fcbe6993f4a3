"""The pages: NiceGUI, one module each; what they show comes from the newest moment and the services."""

from __future__ import annotations

from penstock.console.hub import Hub
from penstock.console.pages import (
    alerts,
    connectors,
    dead_letters,
    follow,
    loads,
    pipeline,
    readers,
    schemas,
    system,
    topic,
    topics,
    views,
)
from penstock.console.service.views import Verifier


def build_pages(hub: Hub, verifier: Verifier) -> None:
    """Add every page to NiceGUI's application."""
    for module in (pipeline, topics, topic, follow, connectors, readers, schemas, dead_letters, alerts, system):
        module.register(hub)
    if hub.config.airflow.enabled:
        loads.register(hub)
    views.register(hub, verifier)
