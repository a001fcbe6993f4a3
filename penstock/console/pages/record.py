"""One record in full: before and after side by side, headers, source, bytes that nobody could decode."""

from __future__ import annotations

import json
from typing import Any

from nicegui import ui

from penstock.console.hub import Hub
from penstock.console.links import path_to
from penstock.console.pages.pieces import heading, millis, pairs
from penstock.console.plain import UNKNOWN, shown
from penstock.console.records.records import RecordView
from penstock.console.service.follow import key_in
from penstock.console.service.stores import BY_NAME

_SUMMARY = 3
_OPS = {"c": "c insert", "u": "u update", "d": "d delete", "r": "r snapshot", "t": "t truncate"}


def op_text(op: str | None) -> str:
    """Write the kind of a change."""
    return "" if op is None else _OPS.get(op, op)


def summary(record: RecordView) -> str:
    """Say in one line what a record is about."""
    if record.problem:
        return record.problem
    if record.changed:
        changes = [
            f"{name}: {_part(record.before, name)} → {_part(record.after, name)}" for name in record.changed[:_SUMMARY]
        ]
        more = len(record.changed) - _SUMMARY
        return ", ".join(changes) + (f", and {more} more" if more > 0 else "")
    row = record.after or record.before or record.value
    if row is None:
        return "null: deletes its key"
    if not isinstance(row, dict):
        return shown(row)[:120]
    return ", ".join(f"{name}={shown(value)}" for name, value in list(row.items())[:4])[:160]


def _part(row: Any, name: str) -> str:
    return shown(row.get(name) if isinstance(row, dict) else None)[:40]


def show_record(hub: Hub, record: RecordView) -> None:
    """Open a record."""
    with ui.dialog(value=True) as dialog, ui.card().classes("panel w-full").style("max-width: min(1100px, 96vw)"):
        with ui.row().classes("w-full items-center no-wrap"):
            ui.label(f"{record.topic} · partition {record.partition} @ {record.offset:,}").classes("font-semibold num")
            ui.space()
            link = _follow_link(hub, record)
            if link:
                ui.link("Follow this row", link).classes("in")
            ui.button(icon="close", on_click=dialog.close).props("flat round dense aria-label=Close")
        ui.label(_about(record)).classes("dim text-sm num")
        if record.problem:
            ui.label(record.problem).classes("down")
        if record.raw:
            heading("Bytes")
            ui.label(record.raw).classes("mono")
        _content(record)
        if record.source:
            heading("Source")
            pairs(record.source)
        heading("Headers")
        pairs(record.headers)
        ui.button("Copy as JSON", on_click=lambda: ui.clipboard.write(_as_json(record))).props("flat no-caps dense")


def _about(record: RecordView) -> str:
    parts = [millis(record.timestamp_ms), op_text(record.op), f"{record.size:,} bytes"]
    parts += [f"key schema {record.key_schema}"] if record.key_schema is not None else []
    parts += [f"value schema {record.value_schema}"] if record.value_schema is not None else []
    return " · ".join(part for part in parts if part)


def _content(record: RecordView) -> None:
    heading("Key")
    pairs(record.key if isinstance(record.key, dict) else {"key": record.key})
    if record.op is not None:
        _sides(record)
    elif isinstance(record.value, dict):
        heading("Value")
        pairs(record.value)
    else:
        heading("Value")
        ui.label("null: this deletes the key" if record.value is None else shown(record.value)).classes("mono")


def _sides(record: RecordView) -> None:
    heading("Row", f"changed: {', '.join(record.changed)}" if record.changed else "")
    before, after = record.before or {}, record.after or {}
    with ui.element("div").classes("diff text-sm"):
        for text in ("", "before", "after"):
            ui.label(text).classes("dim font-semibold")
        for name in {**before, **after}:
            mark = "changed" if name in record.changed else ""
            ui.label(name).classes(f"dim {mark}")
            ui.label(shown(before[name]) if name in before else UNKNOWN).classes(f"num {mark}")
            ui.label(shown(after[name]) if name in after else UNKNOWN).classes(f"num {mark}")


def _follow_link(hub: Hub, record: RecordView) -> str | None:
    known = hub.now.snapshot.known
    view = next((v for v in known.views if record.topic in (v.source_topic, v.topic) and v.kind != "aggregate"), None)
    if view is None or not isinstance(record.key, dict):
        return None
    held = view.held if record.topic == view.topic else BY_NAME
    key = key_in(hub, view.source_table, record.key, held)
    return None if key is None else path_to("follow", table=view.source_table, key=key)


def _as_json(record: RecordView) -> str:
    return json.dumps(vars(record), indent=2, ensure_ascii=False)
