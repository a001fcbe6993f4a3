"""Puts the console together: plain FastAPI for API, metrics and health; NiceGUI mounted beside it for the pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from nicegui import ui
from prometheus_client import CollectorRegistry, disable_created_metrics, make_asgi_app

from penstock.config import Config
from penstock.console.api import build_api, errors
from penstock.console.hub import Hub
from penstock.console.metrics import MomentCollector
from penstock.console.pages import build_pages
from penstock.console.safety.origin import OriginGuard
from penstock.console.service.views import Verifier
from penstock.login import Login

_MESSAGES_KEPT = 100
_RECONNECT_S = 5.0


def build(config: Config) -> tuple[FastAPI, Hub]:
    """Return the application, and the hub that starts with it."""
    hub = Hub(config)
    verifier = Verifier(hub)
    web = FastAPIOffline(title="Penstock control center", version="1", lifespan=_lifespan(hub))
    errors.register(web)
    web.include_router(build_api(hub, verifier))
    _add_health(web, hub)
    _add_metrics(web, hub)
    build_pages(hub, verifier)
    ui.run_with(
        web,
        title="Penstock",
        dark=None,
        show_welcome_message=False,
        reconnect_timeout=_RECONNECT_S,
        binding_refresh_interval=None,  # nothing is bound that would have to be looked at ten times a second
        message_history_length=_MESSAGES_KEPT,
    )
    let_in = config.console.url.let_in
    if let_in.user is not None:
        web.add_middleware(Login, user=let_in.user, password=let_in.password, is_token=hub.guard.is_token)
    hosts = (config.console.host, *config.console.allowed_hosts)
    web.add_middleware(OriginGuard, hosts=hosts)
    return web, hub


def _lifespan(hub: Hub) -> Any:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        hub.start()
        yield
        hub.stop()

    return lifespan


def _add_health(web: FastAPI, hub: Hub) -> None:
    @web.head("/health", include_in_schema=False)
    @web.get("/health", tags=["health"])
    def health() -> JSONResponse:
        """Answer 200 when every system can be looked at; 503 with those that cannot."""
        away = hub.now.snapshot.away
        return JSONResponse({"away": away}, status_code=503 if away else 200)


def _add_metrics(web: FastAPI, hub: Hub) -> None:
    disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more of each histogram, for nobody
    registry = CollectorRegistry()
    registry.register(MomentCollector(hub))
    registry.register(hub.lag.seconds)
    figures: Any = make_asgi_app(registry)
    # Of a mount only `/metrics/` would be here: what is no route is a page.
    for path in ("/metrics", "/metrics/"):
        web.add_route(path, lambda _: figures, include_in_schema=False)
