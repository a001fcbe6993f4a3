"""Page of dead letters: causes, each record in full, and writing those of the sink again."""

from __future__ import annotations

from nicegui import run, ui

from penstock.console.hub import Hub
from penstock.console.pages.frame import Frame
from penstock.console.pages.pieces import Banner, Table, column, heading, millis, say_refused
from penstock.console.pages.record import show_record
from penstock.console.plain import shown
from penstock.console.service import dead_letters as service
from penstock.errors import PenstockError

_COLUMNS = [
    column("time", "Time"),
    column("name", "Origin"),
    column("key", "Key"),
    column("reason", "Reason"),
]


def register(hub: Hub) -> None:
    """Add the page."""

    @ui.page("/dead-letters", title="Dead letters · Penstock")
    async def page() -> None:
        frame = Frame(hub, "Dead letters")
        with frame.content:
            banner = Banner()
            with ui.row().classes("items-center gap-3"):
                ui.button("Look again", on_click=lambda: show()).props("no-caps outline color=primary")
                said = ui.label("looking …").classes("text-sm dim num").props("role=status").mark("letters")
            place = ui.column().classes("w-full gap-3")
        frame.every(1.0, lambda: banner.show(hub.now.snapshot.kafka))

        async def show() -> None:
            try:
                letters = await run.io_bound(service.list_letters, hub)
            except PenstockError as exc:
                said.set_text(str(exc))
                return
            if letters is None:
                return
            none = "No dead letter: every record was processed." if not letters.causes else ""
            said.set_text(none or f"{letters.looked_at:,} looked at, of {letters.of:,}; {len(letters.causes)} causes")
            place.clear()
            with place:
                for cause in letters.causes:
                    _cause(hub, frame, cause)

        ui.timer(0.05, show, once=True)


def _cause(hub: Hub, frame: Frame, cause: service.Cause) -> None:
    heading(
        cause.message,
        f"{cause.count:,} of {cause.connector} · {cause.stage} · {cause.topic} · last {millis(cause.last_ms)}",
    )
    table = Table(_COLUMNS, key="id", empty="")
    by_id = {letter.id: letter for letter in cause.letters}
    table.fill(
        [
            {
                "id": letter.id,
                "time": millis(letter.record.timestamp_ms),
                "name": f"{letter.origin_topic} / {letter.origin_partition} @ {letter.origin_offset}",
                "key": shown(letter.record.key),
                "reason": letter.reason,
            }
            for letter in cause.letters
        ]
    )
    table.element.on("rowClick", lambda event: show_record(hub, by_id[event.args[1]["id"]].record))
    if not cause.can_replay:
        ui.label("Changes are not replayed: mend the cause, then write the row again in Postgres.").classes(
            "dim text-sm"
        )
    elif hub.guard.write:
        table.element.props("selection=multiple")
        ui.button(
            "Replay those ticked …", on_click=lambda: _preview(hub, frame, [r["id"] for r in table.element.selected])
        ).props("no-caps outline color=primary")
    else:
        ui.label("read-only: console.write in penstock.toml lets these be replayed").classes("dim text-sm")


async def _preview(hub: Hub, frame: Frame, ids: list[str]) -> None:
    if not ids:
        ui.notify("Tick some first")
        return
    try:
        preview = await run.io_bound(service.preview, hub, ids)
    except PenstockError as exc:
        say_refused(exc)
        return
    if preview is None:
        return
    with ui.dialog(value=True) as dialog, ui.card().classes("panel"):
        targets = ", ".join(f"{count} to {topic}" for topic, count in preview.targets.items())
        ui.label(f"Would be written: {preview.text}").classes("font-semibold")
        ui.label(targets).classes("num text-sm")
        ui.label("Original bytes and headers; their versions let no old row win.").classes("dim text-sm")

        async def replay() -> None:
            caller = frame.caller
            try:
                done = await run.io_bound(lambda: service.replay(hub, ids, caller=caller))
            except PenstockError as exc:
                say_refused(exc)
                return
            dialog.close()
            if done is not None:
                ui.notify(f"Written again: {done.text}", type="warning" if done.gone else "positive")

        ui.button("Replay", on_click=replay).props("no-caps unelevated color=primary")
