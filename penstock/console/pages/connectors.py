"""Page of connectors: their tasks, failures, settings, offsets and actions."""

from __future__ import annotations

import json
from typing import Any

from nicegui import run, ui

from penstock.console.hub import Hub
from penstock.console.links import path_to
from penstock.console.look.connect import ConnectorView, TaskView
from penstock.console.look.reading import if_seen
from penstock.console.pages.frame import Frame
from penstock.console.pages.pieces import Banner, Table, clock, column, heading, pairs, say_refused
from penstock.console.plain import UNKNOWN
from penstock.console.service import connectors as service
from penstock.errors import PenstockError

_COLUMNS = [
    column("name", "Connector"),
    column("type", "Type"),
    column("state", "State"),
    column("tasks", "Tasks running"),
    column("reason", "Why"),
    column("watched", "The watcher"),
]
_TASKS = [column("name", "Task"), column("state", "State"), column("worker", "Worker")]
_LEVELS = {"RUNNING": "ok", "FAILED": "down", "TASKLESS": "down"}
_VERBS = {
    "restart-failed": "Restart what failed",
    "restart": "Restart all",
    "pause": "Pause",
    "resume": "Resume",
    "stop": "Stop",
}


def register(hub: Hub) -> None:
    """Add both pages."""

    @ui.page("/connectors", title="Connectors · Penstock")
    def page() -> None:
        frame = Frame(hub, "Connectors")
        with frame.content:
            banner = Banner()
            table = Table(_COLUMNS, empty="There is no connector: `penstock up` applies those of connect/connectors")

        def refresh() -> None:
            banner.show(hub.now.snapshot.connect)
            table.fill([_cells(each) for each in if_seen(lambda: service.list_connectors(hub))])

        frame.every(1.0, refresh)

    @ui.page("/connectors/{name:path}", title="Connector · Penstock")
    async def detail(name: str) -> None:
        frame = Frame(hub, "Connectors")
        with frame.content:
            state = _State(hub, frame, name)
            rest = ui.column().classes("w-full gap-2")
        frame.every(1.0, state.refresh)
        try:
            found = await run.io_bound(service.connector_detail, hub, name)
        except PenstockError as exc:
            with rest:
                ui.label(str(exc)).classes("panel banner down")
            return
        if found is not None:
            with rest:
                _configuration(hub, frame, found)


class _State:
    """How one connector and its tasks are, and what may be done to it."""

    def __init__(self, hub: Hub, frame: Frame, name: str) -> None:
        self._hub, self._name = hub, name
        self._banner = Banner()
        self._head = ui.label().classes("text-base font-semibold").props("role=heading aria-level=1")
        self._head.mark("connector-state")
        _buttons(hub, frame, name)
        self._tasks = Table(_TASKS, empty="No task")
        self._place = ui.column().classes("w-full gap-2")
        self._failed: list[tuple[str, str]] | None = None

    def refresh(self) -> None:
        """Show it as it was last seen."""
        connect = self._hub.now.snapshot.connect
        self._banner.show(connect)
        connector = (connect.value or {}).get(self._name)
        if connector is None:
            self._head.set_text(f"{self._name}: Kafka Connect has no connector of that name")
            return
        watched = f" · {connector.watched}" if connector.watched else ""
        asked = clock(connect.at)
        self._head.set_text(f"{self._name} · {connector.type} · {connector.state}{watched} · asked at {asked}")
        self._tasks.fill([_task(task) for task in connector.tasks])
        self._show_traces([(_task_name(task.id), task.trace) for task in connector.tasks if task.trace])

    def _show_traces(self, failed: list[tuple[str, str]]) -> None:
        if failed == self._failed:
            return
        self._failed = failed
        self._place.clear()
        with self._place:
            for name, trace in failed:
                heading(f"Trace of {name}")
                ui.label(trace).classes("panel mono p-3 w-full").style("max-height: 360px; overflow: auto")


def _cells(connector: ConnectorView) -> dict[str, Any]:
    return {
        "name": connector.name,
        "href": path_to("connectors", connector.name),
        "type": connector.type,
        "state": connector.state,
        "level": _LEVELS.get(connector.state, "warn"),
        "tasks": f"{connector.running} of {len(connector.tasks) - 1}",
        "reason": connector.reason or "",
        "watched": connector.watched or "",
    }


def _task_name(number: int) -> str:
    return "connector" if number < 0 else f"task {number}"


def _task(task: TaskView) -> dict[str, Any]:
    level = _LEVELS.get(task.state, "warn")
    return {"name": _task_name(task.id), "state": task.state, "level": level, "worker": task.worker}


def _buttons(hub: Hub, frame: Frame, name: str) -> None:
    with ui.row().classes("gap-2"):
        for action, text in _VERBS.items():
            button = ui.button(text, on_click=lambda action=action: _act(hub, frame, name, action))
            button.props("no-caps dense outline color=primary")
            if not hub.guard.write:
                button.disable()
        if not hub.guard.write:
            ui.label("read-only: console.write in penstock.toml lets these be used").classes("dim text-sm self-center")


async def _act(hub: Hub, frame: Frame, name: str, action: str) -> None:
    caller = frame.caller
    try:
        await run.io_bound(lambda: service.act(hub, name, action, caller=caller))
    except PenstockError as exc:
        say_refused(exc)
        return
    ui.notify(f"{_VERBS[action]}: asked of {name}", type="positive")


def _configuration(hub: Hub, frame: Frame, found: service.ConnectorDetail) -> None:
    heading("Against its file", "connect/connectors/" + found.connector.name + ".json")
    if found.differs is None:
        ui.label("There is no file of that name.").classes("warn")
    elif not found.differs:
        ui.label("The running configuration is that of the file.").classes("ok")
    else:
        table = Table([column("name", "Key"), column("before", "Runs with"), column("after", "File says")], empty="")
        table.fill(
            [
                {"name": each.key, "before": each.before or UNKNOWN, "after": each.after or UNKNOWN}
                for each in found.differs
            ]
        )
    heading("Offsets", "as Connect keeps them")
    if found.offsets_problem:
        ui.label(found.offsets_problem).classes("down")
    table = Table([column("name", "Partition"), column("offset", "Offset")], empty="None yet")
    table.fill(
        [{"name": json.dumps(each["partition"]), "offset": json.dumps(each["offset"])} for each in found.offsets]
    )
    heading("Configuration", "secrets are hidden")
    with ui.element("div").classes("panel p-2 w-full"):
        pairs(found.config)
    if hub.guard.write:
        _editor(hub, frame, found)


def _editor(hub: Hub, frame: Frame, found: service.ConnectorDetail) -> None:
    name = found.connector.name
    heading("Validate and apply", "the file stays the truth: what is applied here shows above as a difference")
    text = ui.textarea(value=json.dumps(service.editable(hub, found), indent=2, ensure_ascii=False)).props(
        "outlined input-class=mono rows=14"
    )
    text.classes("w-full")
    said = ui.label().classes("text-sm mono")

    async def ask(*, apply: bool) -> None:
        caller = frame.caller
        try:
            config = {str(key): str(value) for key, value in json.loads(text.value).items()}
            if apply:
                outcome = await run.io_bound(lambda: service.apply_config(hub, name, config, caller=caller))
                said.set_text(f"{name} {outcome}")
                return
            problems = await run.io_bound(lambda: service.check_config(hub, name, config, caller=caller))
        except (PenstockError, ValueError, AttributeError) as exc:
            said.set_text(str(exc))
            return
        said.set_text(
            "\n".join(f"{key}: {problem}" for key, problem in problems or ()) or "Connect finds nothing wrong"
        )

    with ui.row():
        ui.button("Validate", on_click=lambda: ask(apply=False)).props("no-caps outline color=primary")
        ui.button("Apply", on_click=lambda: ask(apply=True)).props("no-caps unelevated color=primary")
