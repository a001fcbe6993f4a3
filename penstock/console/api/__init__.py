"""The JSON API: routes only; what they answer comes from the newest moment and the services."""

from __future__ import annotations

from fastapi import APIRouter

from penstock.console.api import connectors, overview, records, rows
from penstock.console.hub import Hub
from penstock.console.service.views import Verifier


def build_api(hub: Hub, verifier: Verifier) -> APIRouter:
    """Return every route below /api/v1."""
    router = APIRouter(prefix="/api/v1")
    for part in (overview.routes(hub), records.routes(hub), rows.routes(hub, verifier), connectors.routes(hub)):
        router.include_router(part)
    return router
