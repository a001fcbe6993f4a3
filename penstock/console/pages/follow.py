"""Page of one row: its key in every store, with the verdict in words."""

from __future__ import annotations

from typing import Any

from nicegui import context, run, ui

from penstock.console.hub import Hub
from penstock.console.links import path_to
from penstock.console.pages.frame import Frame
from penstock.console.pages.pieces import Table, column, heading, millis, pairs
from penstock.console.pages.record import op_text, show_record, summary
from penstock.console.records.records import RecordView
from penstock.console.service.follow import Followed, follow
from penstock.console.service.stores import Store
from penstock.errors import PenstockError

_STATES = {
    "same": ("up to date", "ok"),
    "gone": ("gone, as it should be", "ok"),
    "behind": ("behind", "warn"),
    "missing": ("missing", "warn"),
    "unknown": ("not compared", "dim"),
    "away": ("away", "down"),
}

_CHANGES = [
    column("time", "Time"),
    column("offset", "Offset", kind="count"),
    column("name", "Kind"),
    column("about", "What"),
]


def register(hub: Hub) -> None:
    """Add the page."""

    @ui.page("/follow", title="Follow a row · Penstock")
    def page() -> None:
        query = context.client.request.query_params if context.client.request else {}
        frame = Frame(hub, "Follow a row")
        with frame.content:
            search = _Search(hub, table=query.get("table"), key=query.get("key", ""))
        if search.is_filled:
            ui.timer(0.05, search.show, once=True)


class _Search:
    """The form, the verdict and what was found."""

    def __init__(self, hub: Hub, *, table: str | None, key: str) -> None:
        self._hub = hub
        self._build_form(table, key)
        self._said = ui.label("One key through Postgres, Kafka and Cassandra: type its primary key.")
        self._said.classes("text-base").props("role=status").mark("verdict")
        self._result = ui.column().classes("w-full gap-3")

    def _build_form(self, table: str | None, key: str) -> None:
        tables = list(self._hub.now.snapshot.known.tables)
        asked = table or (tables[0] if tables else "")
        choices = sorted({*tables, asked} - {""})
        with ui.row().classes("items-end gap-3 panel p-3 w-full"):
            self._table = ui.select(choices, value=asked or None, label="Table").props("dense outlined").classes("w-48")
            self._key = ui.input("Primary key", value=key).props("dense outlined autofocus").classes("w-96")
            button = ui.button("Follow").props("no-caps unelevated color=primary")
        button.on_click(self.show)
        self._key.on("keydown.enter", self.show)

    @property
    def is_filled(self) -> bool:
        """Return whether a key stands in the form."""
        return bool(self._key.value)

    async def show(self) -> None:
        """Follow the row that the form names."""
        table, key = self._table.value, self._key.value
        if not key.strip() or not table:
            return
        self._said.set_text("looking through every store …")
        self._said.classes(remove="ok warn down")
        ui.navigate.history.replace(path_to("follow", table=table, key=key.strip()))
        try:
            found = await run.io_bound(follow, self._hub, table=table, key=key)
        except PenstockError as exc:
            self._tell(str(exc), "down")
            return
        if found is not None:  # None while the console is being stopped
            self._tell(found.verdict, "ok" if found.is_well else "warn")
            with self._result:
                _show(self._hub, found)

    def _tell(self, verdict: str, level: str) -> None:
        self._said.set_text(verdict)
        self._said.classes(add=level)
        self._result.clear()


def _show(hub: Hub, found: Followed) -> None:
    if found.steps:
        text = " · ".join(f"{step.name} {step.ms:,} ms" for step in found.steps)
        ui.label(f"Its newest change: {text}").classes("dim text-sm num")
    with ui.element("div").classes("cards"):
        for store in found.stores:
            _card(store)
    if found.changes:
        heading("Newest changes", f"looked at {found.looked_at:,} of {found.of:,} offsets")
        table = Table(_CHANGES, key="offset", empty="")
        table.fill([_cells(each) for each in found.changes])
        by_offset = {each.offset: each for each in found.changes}
        table.element.on("rowClick", lambda event: show_record(hub, by_offset[event.args[1]["offset"]]))


def _cells(change: RecordView) -> dict[str, Any]:
    return {
        "time": millis(change.timestamp_ms),
        "offset": change.offset,
        "name": op_text(change.op),
        "about": summary(change),
    }


def _card(store: Store) -> None:
    text, level = _STATES[store.state]
    with ui.column().classes(f"panel store {store.state} gap-1").mark(f"store-{store.name}"):
        with ui.row().classes("w-full justify-between items-baseline no-wrap gap-2"):
            ui.label(f"{store.kind}: {store.name}" if store.kind != "postgres" else store.name).classes("font-semibold")
            ui.label(text).classes(f"tag {level}")
        ui.label(store.note).classes(f"text-sm {level}")
        if store.at_ms:
            ui.label(millis(store.at_ms)).classes("dim text-xs num")
        if store.position and store.link:
            ui.link(store.position, store.link).classes("in text-xs num")
        elif store.position:
            ui.label(store.position).classes("dim text-xs num")
        if store.value is not None:
            pairs(store.value, marked=store.differs)
        else:
            ui.label("no row").classes("dim")
