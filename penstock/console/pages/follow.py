"""Page 3: one key through every store, with the verdict in words."""

from __future__ import annotations

from nicegui import context, run, ui

from penstock.console.hub import Hub
from penstock.console.pages.frame import Frame
from penstock.console.pages.pieces import Table, column, heading, millis, pairs, path_to
from penstock.console.pages.record import op_text, show_record, summary
from penstock.console.service.follow import Followed, Store, follow
from penstock.errors import PenstockError

_STATES = {
    "same": ("up to date", "ok"),
    "gone": ("gone, as it should be", "ok"),
    "behind": ("behind", "warn"),
    "missing": ("missing", "warn"),
    "unknown": ("not compared", "dim"),
    "away": ("away", "down"),
}


def register(hub: Hub) -> None:
    """Add the page."""

    @ui.page("/follow", title="Follow a row · Penstock")
    def page() -> None:
        query = context.client.request.query_params if context.client.request else {}
        frame = Frame(hub, "Follow a row")
        with frame.content:
            with ui.row().classes("items-end gap-3 panel p-3 w-full"):
                tables = list(hub.now.snapshot.known.tables)
                asked = query.get("table") or (tables[0] if tables else "")
                choices = sorted({*tables, asked} - {""})
                table = ui.select(choices, value=asked or None, label="Table").props("dense outlined").classes("w-48")
                key = (
                    ui.input("Primary key", value=query.get("key", ""))
                    .props("dense outlined autofocus")
                    .classes("w-96")
                )
                button = ui.button("Follow").props("no-caps unelevated color=primary")
            said = (
                ui.label("One key through Postgres, Kafka and Cassandra: type its primary key.")
                .classes("text-base")
                .props("role=status")
                .mark("verdict")
            )
            result = ui.column().classes("w-full gap-3")

        async def show() -> None:
            if not key.value.strip() or not table.value:
                return
            said.set_text("looking through every store …")
            said.classes(remove="ok warn down")
            ui.navigate.history.replace(path_to("follow", table=table.value, key=key.value.strip()))
            try:
                found = await run.io_bound(follow, hub, table=table.value, key=key.value)
            except PenstockError as exc:
                result.clear()
                said.set_text(str(exc))
                said.classes(add="down")
                return
            if found is not None:
                said.set_text(found.verdict)
                said.classes(add="ok" if found.is_well else "warn")
                result.clear()
                with result:
                    _show(hub, found)

        button.on_click(show)
        key.on("keydown.enter", show)
        if key.value:
            ui.timer(0.05, show, once=True)


def _show(hub: Hub, found: Followed) -> None:
    if found.steps:
        text = " · ".join(f"{step.name} {step.ms:,} ms" for step in found.steps)
        ui.label(f"Its newest change: {text}").classes("dim text-sm num")
    with ui.element("div").classes("cards"):
        for store in found.stores:
            _card(store)
    if found.changes:
        heading("Newest changes", f"looked at {found.looked_at:,} of {found.of:,} offsets")
        table = Table(
            [
                column("time", "Time"),
                column("offset", "Offset", kind="count"),
                column("name", "Kind"),
                column("about", "What"),
            ],
            key="offset",
            empty="",
        )
        table.fill(
            [
                {
                    "time": millis(each.timestamp_ms),
                    "offset": each.offset,
                    "name": op_text(each.op),
                    "about": summary(each),
                }
                for each in found.changes
            ]
        )
        by_offset = {each.offset: each for each in found.changes}
        table.element.on("rowClick", lambda event: show_record(hub, by_offset[event.args[1]["offset"]]))


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
