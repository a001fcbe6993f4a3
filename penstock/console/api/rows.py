"""Routes of rows, views and loads."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body

from penstock.console.api.caller import CallerOf
from penstock.console.hub import Hub
from penstock.console.look.airflow import LoadRun
from penstock.console.service import follow, loads, views
from penstock.loads.load import DEFAULT_SEED


def routes(hub: Hub, verifier: views.Verifier) -> APIRouter:
    """Return the routes."""
    api = APIRouter()

    @api.get("/rows", tags=["rows"])
    def row_asked(table: str, key: str) -> follow.Followed:
        """Follow one row through every store; `table` is `schema.table`, `key` one text, as in the address below."""
        return follow.follow(hub, table=table, key=key)

    @api.get("/rows/{table}/{key:path}", tags=["rows"])
    def row(table: str, key: str) -> follow.Followed:
        """Follow one row through every store: `key` has the values as Postgres writes them, with commas between.

        One that is empty, has a comma or begins with a quote stands in double quotes, a quote in it doubled.
        """
        return follow.follow(hub, table=table, key=key)

    @api.get("/views", tags=["views"])
    def list_views() -> list[views.ViewRow]:
        """Return every view, with the last `verify` of it."""
        return views.list_views(hub)

    @api.get("/views/verify", tags=["views"])
    def verify_state() -> dict[str, Any]:
        """Say which verify runs now, and why the last one could not be done."""
        return {"running": verifier.running, "failure": verifier.failure}

    @api.post("/views/verify", tags=["views"], status_code=202)
    def verify(caller: CallerOf, view: Annotated[str | None, Body(embed=True)] = None) -> dict[str, Any]:
        """Start a verify of one view, or of all."""
        verifier.start(view, caller=caller)
        return {"running": verifier.running}

    @api.get("/loads", tags=["loads"])
    def list_loads() -> list[LoadRun]:
        """Return the newest loads."""
        return loads.list_loads(hub)

    @api.post("/loads", tags=["loads"], status_code=202)
    def load(
        caller: CallerOf, users: Annotated[int, Body()], seed: Annotated[str, Body()] = DEFAULT_SEED
    ) -> dict[str, str]:
        """Start a load."""
        return {"run": loads.start_load(hub, users=users, seed=seed, caller=caller)}

    return api
