"""The JSON API: routes only; what they answer comes from the newest moment and the services."""

from __future__ import annotations

from fastapi import APIRouter, Request

from penstock.console.api import connectors, overview, records, rows
from penstock.console.api.errors import RouteMissing
from penstock.console.hub import Hub
from penstock.console.service.views import Verifier

_METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]


def build_api(hub: Hub, verifier: Verifier) -> APIRouter:
    """Return every route below /api/v1."""
    router = APIRouter(prefix="/api/v1")
    for part in (overview.routes(hub), records.routes(hub), rows.routes(hub, verifier), connectors.routes(hub)):
        router.include_router(part)

    @router.api_route("", methods=_METHODS, include_in_schema=False)
    @router.api_route("/{rest:path}", methods=_METHODS, include_in_schema=False)
    def nothing(request: Request, rest: str = "") -> None:
        """Answer in JSON what is no route: the pages would answer with one of theirs."""
        raise RouteMissing(request.method, rest)

    return router
