"""Routes of connectors."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body

from penstock.console.api.caller import CallerOf
from penstock.console.hub import Hub
from penstock.console.look.connect import ConnectorView
from penstock.console.service import connectors as service


def routes(hub: Hub) -> APIRouter:
    """Return the routes."""
    api = APIRouter(prefix="/connectors", tags=["connectors"])

    @api.get("")
    def list_connectors() -> list[ConnectorView]:
        """Return every connector, those that failed first."""
        return service.list_connectors(hub)

    @api.get("/{name:path}")
    def connector(name: str) -> service.ConnectorDetail:
        """Return a connector, its traces, its configuration against its file, and its offsets."""
        return service.connector_detail(hub, name)

    @api.post("/{name:path}/validate")
    def validate(
        caller: CallerOf, name: str, config: Annotated[dict[str, str], Body(embed=True)]
    ) -> list[tuple[str, str]]:
        """Return what is wrong with a configuration, as (key, message); nothing is applied.

        It needs the token all the same: a configuration makes Connect open connections.
        """
        return list(service.check_config(hub, name, config, caller=caller))

    @api.put("/{name:path}/config")
    def apply(caller: CallerOf, name: str, config: Annotated[dict[str, str], Body(embed=True)]) -> dict[str, str]:
        """Validate and apply a configuration."""
        return {"outcome": service.apply_config(hub, name, config, caller=caller)}

    @api.post("/{name:path}/{action}", status_code=202)
    def act(caller: CallerOf, name: str, action: str) -> dict[str, Any]:
        """Pause, resume, stop, restart, or restart what failed (`restart-failed`)."""
        service.act(hub, name, action, caller=caller)
        return {"connector": name, "asked": action}

    return api
