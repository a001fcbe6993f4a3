"""The messages of a topic on its page: searched, or live."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from nicegui import context, run, ui

from penstock.console.hub import Hub
from penstock.console.links import path_to
from penstock.console.pages.frame import Frame
from penstock.console.pages.pieces import Table, column, millis, moment_of
from penstock.console.pages.record import op_text, show_record, summary
from penstock.console.plain import shown
from penstock.console.records.filter import Filter, read_conditions
from penstock.console.records.messages import Found, Search, Tail, is_number, search
from penstock.console.records.records import RecordView
from penstock.errors import PenstockError

_KEPT = 500
_TAIL_S = 0.5
_STARTS = {"end": "the newest", "time": "from a time", "offset": "from an offset", "beginning": "from the beginning"}
_COLUMNS = [
    column("open", "", right=True),
    column("time", "Time"),
    column("partition", "P", kind="count"),
    column("offset", "Offset", kind="count"),
    column("op", "Kind"),
    column("key", "Key"),
    column("about", "What"),
    column("schema", "Schema", kind="count"),
    column("size", "Bytes", kind="count"),
]
_OPEN_CELL = """
<q-td :props="props"><q-btn dense flat size="sm" icon="open_in_full"
 :aria-label="'Open the record at offset ' + props.row.offset" @click="$parent.$emit('open', props.row.id)" /></q-td>
"""
_ABOUT_CELL = """<q-td :props="props"><span :class="props.row.level">{{ props.value }}</span></q-td>"""


class Messages:
    """The search and the live tail; they share the table."""

    def __init__(self, hub: Hub, frame: Frame, topic: str, query: dict[str, str]) -> None:
        self._hub, self._topic = hub, topic
        self._records: dict[str, RecordView] = {}
        self._tail: Tail | None = None
        self._found: Found | None = None
        self._client = context.client
        self._client.on_delete(self._end_tail)
        self._build_form(query)
        with ui.row().classes("items-center gap-3 w-full"):
            self._said = ui.label().classes("dim text-sm num").props("role=status").mark("said")
            self._more = ui.button("Go on", on_click=lambda: self._search(go_on=True)).props("flat dense no-caps")
            self._more.set_visibility(False)
        self._table = Table(_COLUMNS, key="id", empty="No record. Nothing was found, or nothing is there yet")
        self._table.element.add_slot("body-cell-open", _OPEN_CELL)
        self._table.element.add_slot("body-cell-about", _ABOUT_CELL)
        self._table.element.on("open", lambda event: show_record(hub, self._records[event.args]))
        frame.every(_TAIL_S, self._poll)
        ui.timer(0.05, self._search, once=True)

    def _build_form(self, query: dict[str, str]) -> None:
        kind, value = _parse(query.get("from", "end-50"))
        with ui.row().classes("items-end gap-3 panel p-3 w-full"):
            self._start = ui.select(_STARTS, value=kind, label="Show").props("dense outlined").classes("w-40")
            self._value = (
                ui.input("How many, offset or time (UTC)", value=value).props("dense outlined").classes("w-52")
            )
            self._partition = (
                ui.input("Partition", value=query.get("partition", "")).props("dense outlined").classes("w-24")
            )
            self._key = ui.input("Key has", value=query.get("key", "")).props("dense outlined").classes("w-40")
            self._op = ui.input("Kinds (c u d r)", value=query.get("op", "")).props("dense outlined").classes("w-32")
            self._where = (
                ui.input("Field, as: country = Norway", value=query.get("where", ""))
                .props("dense outlined")
                .classes("w-60")
            )
            self._limit = ui.number("At most", value=50, min=1, max=_KEPT).props("dense outlined").classes("w-24")
            for field in (self._value, self._partition, self._key, self._op, self._where):
                field.on("keydown.enter", lambda: self._search())
            ui.button("Find", on_click=lambda: self._search()).props("no-caps unelevated color=primary")
            self._live = ui.button("Live", icon="play_arrow", on_click=self._toggle).props(
                "no-caps outline color=primary"
            )
            self._pause = ui.button("Pause", icon="pause", on_click=self._toggle_pause).props("no-caps flat")
            self._pause.set_visibility(False)
            self._paused = False

    async def _search(self, *, go_on: bool = False) -> None:
        self._end_tail()
        try:
            wanted = self._wanted(self._found.next if go_on and self._found else None)
            self._said.set_text("looking …")
            found = await run.io_bound(
                search,
                self._hub.kafka,
                self._hub.reader,
                bootstrap=self._hub.config.kafka.bootstrap,
                group=self._hub.config.names.group("console"),
                wanted=wanted,
            )
        except (PenstockError, ValueError) as exc:
            self._said.set_text(str(exc))
            return
        if found is None:  # the console is being stopped
            return
        self._found = found
        self._remember(found.records, keep=go_on)
        self._say(found)
        self._address()

    def _wanted(self, cursor: dict[int, int] | None) -> Search:
        conditions = read_conditions(self._where.value.strip(), self._hub.mask)
        keeps = Filter(self._key.value.strip(), self._op.value.replace(" ", ""), conditions)
        partition = _number(self._partition.value) if self._partition.value.strip() else None
        limit = int(self._limit.value or 50)
        return Search(
            self._topic, _start(self._start.value, self._value.value, limit), partition, keeps, limit, cursor=cursor
        )

    def _say(self, found: Found) -> None:
        looked = f"looked at {found.looked_at:,} records ({found.of:,} offsets ahead) in {found.seconds:.1f} s"
        summary = f"{len(found.records)} shown, {looked}"
        self._said.set_text(summary if found.next is None else f"{summary}; there is more")
        self._more.set_visibility(found.next is not None)

    def _address(self) -> None:
        start = _start(self._start.value, self._value.value, int(self._limit.value or 50))
        query = {
            "from": start,
            "partition": self._partition.value,
            "key": self._key.value,
            "op": self._op.value,
            "where": self._where.value,
        }
        ui.navigate.history.replace(path_to("topics", self._topic, **query))

    def _remember(self, records: tuple[RecordView, ...] | list[RecordView], *, keep: bool) -> None:
        known = {} if not keep else self._records
        new = {f"{record.partition}/{record.offset}": record for record in reversed(records)}
        self._records = dict(list({**new, **known}.items())[:_KEPT])
        self._table.fill([_cells(name, record) for name, record in self._records.items()])

    async def _toggle(self) -> None:
        if self._tail is not None:
            self._end_tail()
            return
        self._live.disable()
        tail = await self._open_tail()
        if self._client.is_deleted:
            if tail is not None:
                tail.close()
            return
        self._live.enable()
        if tail is not None:
            self._begin(tail)

    async def _open_tail(self) -> Tail | None:
        """Begin to listen, or say why not; None also while the console is being stopped."""
        try:
            return await run.io_bound(
                Tail,
                self._hub.config.kafka.bootstrap,
                self._hub.reader,
                group=self._hub.config.names.group("console"),
                topic=self._topic,
                keeps=self._wanted(None).keeps,
            )
        except (PenstockError, ValueError) as exc:
            self._said.set_text(str(exc))
            return None

    def _begin(self, tail: Tail) -> None:
        self._tail = tail
        self._paused = False
        self._remember([], keep=False)
        self._more.set_visibility(False)
        self._live.set_text("Stop")
        self._live.props("icon=stop")
        self._pause.set_visibility(True)
        self._say_tail()

    def _toggle_pause(self) -> None:
        self._paused = not self._paused
        self._pause.set_text("Go on" if self._paused else "Pause")
        self._pause.props(f"icon={'play_arrow' if self._paused else 'pause'}")
        self._say_tail()

    async def _poll(self) -> None:
        tail = self._tail
        if tail is None or self._paused:
            return
        records = await run.io_bound(tail.poll)
        if self._tail is not tail:  # stopped meanwhile
            return
        if records:
            self._remember(records, keep=True)
        self._say_tail()

    def _say_tail(self) -> None:
        if self._tail is None:
            return
        over = f", {self._tail.passed_over:,} passed over (more than can be shown)" if self._tail.passed_over else ""
        state = "paused" if self._paused else "live"
        trouble = f"; Kafka says: {self._tail.trouble}" if self._tail.trouble else ""
        self._said.set_text(f"{state}: {self._tail.looked_at:,} records came{over}{trouble}")

    def _end_tail(self) -> None:
        if self._tail is None:
            return
        self._tail.close()
        self._tail = None
        if not self._client.is_deleted:
            self._live.set_text("Live")
            self._live.props("icon=play_arrow")
            self._pause.set_visibility(False)


def _cells(name: str, record: RecordView) -> dict[str, Any]:
    return {
        "id": name,
        "time": millis(record.timestamp_ms),
        "partition": record.partition,
        "offset": record.offset,
        "op": op_text(record.op) or ("delete" if record.value is None and record.problem is None else ""),
        "key": _key(record),
        "about": summary(record),
        "level": "down" if record.problem else "",
        "schema": record.value_schema,
        "size": record.size,
    }


def _key(record: RecordView) -> str:
    if isinstance(record.key, dict):
        return ", ".join(shown(value) for value in record.key.values())
    return shown(record.key)


def _parse(start: str) -> tuple[str, str]:
    if start.startswith("time:") and is_number(start[5:]):
        moment = moment_of(int(start[5:]))
        return "time", moment.isoformat(timespec="milliseconds") if moment else start[5:]
    kind, _, value = start.replace("-", ":", 1).partition(":")
    return (kind, value) if kind in _STARTS else ("end", "50")


def _start(kind: str, value: str, limit: int) -> str:
    value = value.strip()
    match kind:
        case "beginning":
            return kind
        case "time":
            moment = datetime.fromisoformat(value)
            return f"time:{int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)}"
        case "offset":
            return f"offset:{_number(value.replace(',', '') or '0')}"
    return f"end-{int(value) if is_number(value) else limit}"


def _number(text: str) -> int:
    if not is_number(text.strip()):
        raise ValueError(f"{text!r} is no number")
    return int(text)
