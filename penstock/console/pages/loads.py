"""Page of loads: Airflow's runs with fetched, written and rejected users; starting one."""

from __future__ import annotations

from typing import Any

from nicegui import run, ui

from penstock.console.hub import Hub
from penstock.console.look.airflow import LoadRun
from penstock.console.look.reading import if_seen
from penstock.console.pages.frame import Frame
from penstock.console.pages.pieces import Banner, Table, column, say_refused
from penstock.console.service.loads import list_loads, start_load
from penstock.errors import PenstockError

_COLUMNS = [
    column("name", "Run"),
    column("state", "State"),
    column("started", "Started"),
    column("ended", "Ended"),
    column("wanted", "Wanted", kind="count"),
    column("fetched", "Fetched", kind="count"),
    column("written", "Written", kind="count"),
    column("unchanged", "Unchanged", kind="count"),
    column("rejected", "Rejected", kind="count"),
]
_LEVELS = {"success": "ok", "failed": "down"}


def register(hub: Hub) -> None:
    """Add the page."""

    @ui.page("/loads", title="Loads · Penstock")
    def page() -> None:
        frame = Frame(hub, "Loads")
        with frame.content:
            banner = Banner()
            _form(hub, frame)
            table = Table(_COLUMNS, empty="No load yet")
            ui.link("Airflow", hub.config.airflow.url, new_tab=True).classes("in text-sm")

        def refresh() -> None:
            banner.show(hub.now.snapshot.airflow)
            table.fill([_cells(load) for load in if_seen(lambda: list_loads(hub))])

        frame.every(1.0, refresh)


def _form(hub: Hub, frame: Frame) -> None:
    with ui.row().classes("items-end gap-3"):
        users = ui.number("Users", value=1000, min=1, max=1_000_000).props("dense outlined").classes("w-32")
        seed = ui.input("Seed", value="penstock").props("dense outlined").classes("w-40")

        async def start() -> None:
            caller = frame.caller
            count, text = int(users.value or 0), seed.value
            try:
                made = await run.io_bound(lambda: start_load(hub, users=count, seed=text, caller=caller))
            except PenstockError as exc:
                say_refused(exc)
                return
            ui.notify(f"{made} begins", type="positive")

        button = ui.button("Load", on_click=start).props("no-caps unelevated color=primary")
        if not hub.guard.write:
            button.disable()
            ui.label("read-only: `penstock load` does it on the command line").classes("dim text-sm self-center")


def _cells(load: LoadRun) -> dict[str, Any]:
    times = {"started": _moment(load.started), "ended": _moment(load.ended)}
    counts = {name: getattr(load, name) for name in ("wanted", "fetched", "written", "unchanged", "rejected")}
    return {"name": load.id, "state": load.state, "level": _LEVELS.get(load.state, "warn"), **times, **counts}


def _moment(text: str | None) -> str:
    return (text or "").replace("T", " ").partition(".")[0]
