"""Page of schemas: the versions of each subject, its fields beside contract and Cassandra, and a check."""

from __future__ import annotations

from typing import Any

from nicegui import run, ui

from penstock.console.hub import Hub
from penstock.console.links import path_to
from penstock.console.look.reading import if_seen
from penstock.console.pages.frame import Frame
from penstock.console.pages.pieces import Banner, Table, column, heading
from penstock.console.plain import UNKNOWN
from penstock.console.service import schemas as service
from penstock.errors import PenstockError

_COLUMNS = [
    column("name", "Subject"),
    column("versions", "Versions", kind="count"),
    column("contract", "Contract"),
]
_FIELDS = [
    column("name", "Field"),
    column("type", "Avro type"),
    column("default", "Default"),
    column("column", "Cassandra column"),
]


def register(hub: Hub) -> None:
    """Add both pages."""

    @ui.page("/schemas", title="Schemas · Penstock")
    def page() -> None:
        frame = Frame(hub, "Schemas")
        with frame.content:
            banner = Banner()
            table = Table(_COLUMNS, empty="The registry has no subject yet, or has not been seen", search=True)

        def refresh() -> None:
            banner.show(hub.now.snapshot.registry)
            table.fill([_cells(row) for row in if_seen(lambda: service.list_subjects(hub))])

        frame.every(2.0, refresh)

    @ui.page("/schemas/{name:path}", title="Schema · Penstock")
    async def detail(name: str) -> None:
        frame = Frame(hub, "Schemas")
        with frame.content:
            ui.label(name).classes("text-base font-semibold").props("role=heading aria-level=1")
            said = ui.label("asking the registry …").classes("dim")
        try:
            found = await run.io_bound(service.subject_detail, hub, name)
        except PenstockError as exc:
            said.set_text(str(exc))
            said.classes(replace="panel banner down")
            return
        if found is not None:
            said.set_text(f"compatibility {found.compatibility} · {found.contract}")
            with frame.content:
                _show(hub, found)


def _cells(row: service.SubjectRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "href": path_to("schemas", row.name),
        "versions": row.versions,
        "contract": f"schemas/avro/{row.file}" if row.file else "follows its table",
    }


def _show(hub: Hub, found: service.SubjectDetail) -> None:
    heading("Versions", "newest first")
    with ui.column().classes("panel p-3 w-full gap-2"):
        for version in found.versions:
            with ui.row().classes("gap-3 items-baseline no-wrap"):
                ui.label(f"v{version.version}").classes("font-semibold num")
                ui.label(f"id {version.id} {version.type}").classes("dim num whitespace-nowrap")
                ui.label("\n".join(version.changes) or "the first").classes("mono")
    heading("Fields of the newest")
    table = Table(_FIELDS, empty="It has no fields")
    table.fill(
        [{"name": f.name, "type": f.type, "default": f.default, "column": f.column or UNKNOWN} for f in found.fields]
    )
    heading("May this schema follow?", "nothing is registered")
    text = ui.textarea("Schema as JSON").props("outlined input-class=mono rows=8").classes("w-full")
    said = ui.label().classes("mono").mark("compatible")

    async def check() -> None:
        try:
            verdict = await run.io_bound(service.check, hub, found.name, text.value or "")
        except PenstockError as exc:
            said.set_text(str(exc))
            return
        if verdict is not None:
            said.set_text("compatible" if verdict.compatible else "not compatible\n" + "\n".join(verdict.reasons))

    ui.button("Check", on_click=check).props("no-caps outline color=primary")
