"""Pieces that pages are made of. Whatever comes from Kafka or a database is shown as text, never as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from nicegui import ui

from penstock.console.look.reading import Reading
from penstock.console.moment.progress import Lag
from penstock.console.plain import UNKNOWN, duration, shown
from penstock.errors import PenstockError

_LINK_CELL = """
<q-td :props="props"><a v-if="props.row.href" class="in" :href="props.row.href">{{ props.value }}</a>
<span v-else>{{ props.value }}</span></q-td>
"""
_STATE_CELL = """<q-td :props="props"><span :class="'tag ' + props.row.level">{{ props.value }}</span></q-td>"""


_FORMATS = {
    "count": "v => v == null ? '\u2013' : v.toLocaleString('en')",
    "rate": "v => v == null ? '\u2013' : v.toLocaleString('en', {minimumFractionDigits: 1}) + '/s'",
}


_NARROW = "width: 1%; white-space: nowrap"
_NARROW_NAMES = {"at", "time", "state", "op", "kind", "started", "ended"}


def column(name: str, label: str, *, right: bool = False, kind: str = "text") -> dict[str, Any]:
    """Describe a column; a `count` or a `rate` gets plain numbers, so that it sorts as such."""
    number = {":format": _FORMATS[kind]} if kind in _FORMATS else {}
    align = "right" if right or number else "left"
    narrow = {"style": _NARROW, "headerStyle": _NARROW} if name in _NARROW_NAMES or right else {}
    # A text that stands right is a figure with its unit: sorting it as text would lie.
    return {"name": name, "label": label, "field": name, "align": align, "sortable": not right, **number, **narrow}


LAG_COLUMNS = [
    column("partition", "Partition", kind="count"),
    column("position", "Reads next", kind="count"),
    column("end", "End", kind="count"),
    column("behind", "Behind", kind="count"),
    column("seconds", "Behind, time", right=True),
]


def lag_cells(lag: Lag) -> dict[str, Any]:
    """Return the cells of LAG_COLUMNS."""
    return {
        "partition": lag.partition,
        "position": lag.position,
        "end": lag.end,
        "behind": lag.behind,
        "seconds": span(lag.seconds),
    }


class Table:
    """A table that is filled again in place, only when something of it changed.

    The cell of the column `name` is a link when its row has `href`; that of `state` is coloured by its row's `level`.
    """

    def __init__(
        self, columns: Sequence[dict[str, Any]], *, key: str = "name", empty: str, search: bool = False
    ) -> None:
        self._rows: list[dict[str, Any]] = []
        field = ui.input("Search").props("dense outlined clearable").classes("w-60") if search else None
        self.element = ui.table(rows=[], columns=list(columns), row_key=key, pagination=0)
        self.element.classes("panel w-full").props("dense flat wrap-cells hide-pagination")
        with self.element.add_slot("no-data"):
            ui.label(empty).classes("dim q-pa-sm")
        self.element.add_slot("body-cell-name", _LINK_CELL)
        self.element.add_slot("body-cell-state", _STATE_CELL)
        if field is not None:
            field.bind_value_to(self.element, "filter")

    def fill(self, rows: list[dict[str, Any]]) -> None:
        """Show these rows."""
        if rows != self._rows:
            self._rows = rows
            self.element.rows = rows


class Banner:
    """Says that a system is away, since when and why; hidden while it is not."""

    def __init__(self) -> None:
        self._label = ui.label().classes("panel banner down").props("role=status")
        self._label.set_visibility(False)

    def show(self, *readings: Reading[Any]) -> None:
        """Show the first of these that is in trouble."""
        ill = next((reading for reading in readings if reading.trouble), None)
        self._label.set_visibility(ill is not None)
        if ill is not None:
            old = f"; what is shown is from {clock(ill.at)}" if ill.value is not None else ""
            self._label.set_text(f"{ill.source}: {ill.trouble}{old}")


def clock(at: float) -> str:
    """Write a time of day, UTC; of another day, with its date."""
    if not at:
        return "never"
    moment = datetime.fromtimestamp(at, UTC)
    today = datetime.now(UTC).date() == moment.date()
    return moment.strftime("%H:%M:%S UTC" if today else "%Y-%m-%d %H:%M:%S UTC")


def millis(at_ms: int | None) -> str:
    """Write a time of Kafka with its milliseconds."""
    if at_ms is None:
        return ""
    moment = moment_of(at_ms)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{at_ms % 1000:03} UTC" if moment else f"{at_ms} ms"


def moment_of(at_ms: int) -> datetime | None:
    """Return a time of Kafka; None of one after the year 9999, as of a producer that gave microseconds."""
    try:
        return datetime.fromtimestamp(at_ms / 1000, UTC)
    except (ValueError, OverflowError):
        return None


def rate(value: float | None) -> str:
    """Write a rate; an en dash where nobody knows."""
    return UNKNOWN if value is None else f"{value:,.1f}/s"


def number(value: float | None) -> str:
    """Write a count."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def span(seconds: float | None) -> str:
    """Write a duration."""
    return UNKNOWN if seconds is None else duration(seconds)


def ago(seconds: float | None) -> str:
    """Write an age."""
    return UNKNOWN if seconds is None else f"{duration(seconds)} ago"


def megabytes(size: float | None) -> str:
    """Write a size that is in bytes."""
    return UNKNOWN if size is None else f"{size / 2**20:,.1f} MB"


def heading(text: str, detail: str = "") -> None:
    """Write a heading within a page."""
    with ui.row().classes("items-baseline gap-3 mt-2"):
        ui.label(text).classes("text-base font-semibold").props("role=heading aria-level=2")
        if detail:
            ui.label(detail).classes("dim text-sm")


def say_refused(error: PenstockError) -> None:
    """Say why something was not done, for long enough to read a command in it."""
    ui.notify(str(error), type="negative", multi_line=True, timeout=10_000, close_button="Close")


def pairs(values: Mapping[str, Any], *, marked: Sequence[str] = ()) -> None:
    """Show names and values, some of them marked."""
    with ui.element("div").classes("pair text-sm"):
        for name, value in values.items():
            mark = " differs" if name in marked else ""
            ui.label(name).classes("dim" + mark)
            ui.label(shown(value)).classes("num" + mark)
