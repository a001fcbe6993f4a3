"""Page of views: what each reads and writes, its last verify, and running one."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from penstock.console.hub import Hub
from penstock.console.links import path_to
from penstock.console.pages.frame import Frame
from penstock.console.pages.pieces import Banner, Table, ago, clock, column, heading
from penstock.console.service.follow import key_in
from penstock.console.service.views import Verifier, ViewRow, list_views

_COLUMNS = [
    column("name", "View"),
    column("kind", "Kind"),
    column("reads", "Reads"),
    column("writes", "Writes"),
    column("key", "Key"),
    column("rate", "Records", kind="rate"),
    column("newest", "Newest record", right=True),
    column("behind", "Cassandra behind", kind="count"),
    column("rows", "Rows", kind="count"),
    column("state", "Last verify"),
    column("at", "When"),
]
_DIFFERENCES = [
    column("view", "View"),
    column("name", "Key"),
    column("kind", "How it differs"),
    column("columns", "Columns"),
]


def register(hub: Hub, verifier: Verifier) -> None:
    """Add the page."""

    @ui.page("/views", title="Views · Penstock")
    def page() -> None:
        frame = Frame(hub, "Views")
        with frame.content:
            banner = Banner()
            with ui.row().classes("items-center gap-3"):
                button = ui.button("Verify all", on_click=lambda: _verify(frame, verifier))
                button.props("no-caps unelevated color=primary")
                if not hub.guard.write:
                    button.disable()
                said = ui.label().classes("text-sm").props("role=status").mark("verify")
            table = Table(_COLUMNS, empty="No view is declared in spark/views")
            heading("Rows that differ", "of the last verify, the first twenty of each view")
            differences = Table(_DIFFERENCES, key="id", empty="None")

        def refresh() -> None:
            banner.show(hub.now.snapshot.declared, hub.now.snapshot.kafka)
            rows = list_views(hub)
            table.fill([_cells(row) for row in rows])
            differences.fill([cells for row in rows for cells in _difference_cells(hub, row)])
            said.set_text(_state(hub, verifier))

        frame.every(1.0, refresh)


def _verify(frame: Frame, verifier: Verifier) -> None:
    frame.attempt(
        lambda: verifier.start(None, caller=frame.caller),
        done="Verify compares every row; that takes a while",
    )


def _state(hub: Hub, verifier: Verifier) -> str:
    if verifier.running:
        return f"verify runs: {verifier.running}"
    if verifier.failure:
        return f"the last verify failed: {verifier.failure}"
    return (
        ""
        if hub.guard.write
        else "read-only: `penstock verify` does it on the command line, and its outcome is shown here"
    )


def _cells(row: ViewRow) -> dict[str, Any]:
    view, last = row.view, row.last
    state, level = _outcome(last)
    return {
        "name": view.name,
        "href": path_to("topics", view.topic),
        "kind": f"{view.kind}, paused" if view.paused else view.kind,
        "reads": view.source_table,
        "writes": row.table,
        "key": ", ".join(view.primary_key),
        "rate": None if row.rate is None else round(row.rate, 1),
        "newest": ago(row.newest_s),
        "behind": row.behind,
        "rows": last["actual_rows"] if last and not last.get("stopped") else None,
        "state": state,
        "level": level,
        "at": clock(last["at"]) if last else "",
    }


def _outcome(last: dict[str, Any] | None) -> tuple[str, str]:
    """Say how a verify ended, and how bad that is. One that an earlier version left says less."""
    if last is None:
        return "never", "dim"
    if last.get("stopped"):
        return f"stopped: {last['stopped']}", "down"
    absent = f"{last['no_row']:,} rows of the table have no row" if last.get("no_row") else ""
    if last["equal"]:
        return (f"equal; {absent}", "warn") if absent else ("equal", "ok")
    differ = f"{sum(last['counts'].values()):,} rows differ"
    return (f"{differ}; {absent}" if absent else differ), "down"


def _difference_cells(hub: Hub, row: ViewRow) -> list[dict[str, Any]]:
    found = []
    for number, difference in enumerate((row.last or {}).get("differences", ())):
        key = difference["key"]
        columns = "; ".join(
            f"{c['column']}: Postgres {c['expected']}, Cassandra {c['actual']}" for c in difference["columns"]
        )
        source_key = key_in(hub, row.view.source_table, key, row.view.held)
        found.append(
            {
                "id": f"{row.view.name}/{number}",
                "view": row.view.name,
                "name": ", ".join(map(str, key.values())),
                "href": path_to("follow", table=row.view.source_table, key=source_key) if source_key else None,
                "kind": difference["kind"],
                "columns": columns,
            }
        )
    return found
