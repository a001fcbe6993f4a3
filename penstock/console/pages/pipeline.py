"""Page of the pipeline: the map, ten minutes of figures, the last events."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from nicegui import ui

from penstock.console.hub import Hub
from penstock.console.moment.map import Box
from penstock.console.moment.recorder import Point, Recorder
from penstock.console.pages.frame import Frame
from penstock.console.pages.pieces import Table, clock, column, heading, rate

_EVENTS = 12
_GREY = "#84909d"
_SERIES = (
    ("changes, records/s", "changes", "#2f7de1", 0),
    ("views, records/s", "views", "#16a37a", 0),
    ("Cassandra, rows/s", "written", "#8b5cf6", 0),
    ("behind, s", "freshness_s", "#d9822b", 1),
)


def register(hub: Hub) -> None:
    """Add the page."""

    @ui.page("/", title="Pipeline · Penstock")
    def page() -> None:
        frame = Frame(hub, "Pipeline")
        with frame.content:
            with ui.element("div").classes("map"):
                cards = {box.key: _Card(box) for box in hub.now.flow.boxes}
            chart = ui.echart(_options(hub.recorder)).classes("panel w-full").style("height: 250px")
            heading("Events", "times in UTC")
            events = Table(
                [column("at", "Time"), column("state", ""), column("name", "What happened")],
                key="id",
                empty="Nothing has happened since the console started",
            )

        def refresh() -> None:
            for box in hub.now.flow.boxes:
                cards[box.key].show(box)
            events.fill(_events(hub))

        def draw() -> None:
            # Nothing is returned: the timer would wait for the browser's answer.
            chart.run_chart_method("setOption", {"series": _series(hub.recorder)})

        frame.every(1.0, refresh)
        ui.timer(5.0, draw, immediate=False)


class _Card:
    """One box; built once, then only its texts change."""

    def __init__(self, box: Box) -> None:
        self._level = ""
        with ui.link(target=box.page).classes("plain"), ui.element("div").classes("panel box") as self._box:
            with ui.row().classes("w-full justify-between items-baseline no-wrap gap-2"):
                ui.label(box.title).classes("font-semibold")
                self._rate = ui.label().classes("num text-xs dim whitespace-nowrap").tooltip("what leaves it")
            self._headline = ui.label().classes("text-base num").mark(f"headline-{box.key}")
            self._facts = [self._fact() for _ in range(3)]
            self._problem = ui.label().classes("problem")
            self._at = ui.label().classes("dim text-xs num mt-auto")
        self.show(box)

    @staticmethod
    def _fact() -> tuple[ui.label, ui.label]:
        with ui.element("div").classes("fact"):
            return ui.label().classes("dim"), ui.label().classes("num")

    def show(self, box: Box) -> None:
        """Show how it is now."""
        self._headline.set_text(box.headline)
        self._rate.set_text("" if box.rate is None else f"→ {rate(box.rate)}")
        facts = [*box.facts, *([("", "")] * 3)]
        for (name, value), fact in zip(self._facts, facts, strict=False):
            name.set_text(fact[0])
            value.set_text(fact[1])
        self._problem.set_text(box.problem or "")
        self._at.set_text((f"last seen {clock(box.at)}" if box.at else "not seen yet") if box.problem else "")
        if self._level != box.health:
            self._box.classes(add=f"is-{box.health}", remove=f"is-{self._level}" if self._level else None)
            self._level = box.health


def _events(hub: Hub) -> list[dict[str, Any]]:
    newest = list(hub.recorder.events)[-_EVENTS:]
    return [
        {
            "id": f"{event.at}-{number}",
            "at": clock(event.at),
            "state": event.level,
            "level": event.level,
            "name": event.text,
            "href": event.page,
        }
        for number, event in enumerate(reversed(newest))
    ]


def _series(recorder: Recorder) -> list[dict[str, Any]]:
    points = tuple(list(recorder.points)[::2])
    return _drawn(points)


@lru_cache(maxsize=1)
def _drawn(points: tuple[Point, ...]) -> list[dict[str, Any]]:
    """Draw once for all tabs that ask within the same seconds."""
    drawn = []
    for _, field, _, _ in _SERIES:
        values = ((point.at, getattr(point, field)) for point in points)
        drawn.append({"data": [[int(at * 1000), None if value is None else round(value, 1)] for at, value in values]})
    return drawn


def _options(recorder: Recorder) -> dict[str, Any]:
    axis = {"axisLabel": {"color": _GREY}, "splitLine": {"lineStyle": {"color": "rgba(128,140,152,.22)"}}}
    series = [
        {
            "name": name,
            "type": "line",
            "showSymbol": False,
            "yAxisIndex": side,
            "lineStyle": {"width": 1.6},
            "color": colour,
        }
        for name, _, colour, side in _SERIES
    ]
    named = {"nameTextStyle": {"color": _GREY}}
    return {
        "animation": False,
        "grid": {"left": 56, "right": 48, "top": 44, "bottom": 28},
        "tooltip": {"trigger": "axis"},
        "legend": {"top": 8, "left": 12, "icon": "roundRect", "itemHeight": 3, "textStyle": {"color": _GREY}},
        "xAxis": {"type": "time", **axis, "splitLine": {"show": False}},
        "yAxis": [
            {"type": "value", "min": 0, **axis, **named},
            {"type": "value", "min": 0, "minInterval": 1, **axis, **named, "splitLine": {"show": False}},
        ],
        "series": [{**each, **data} for each, data in zip(series, _series(recorder), strict=True)],
    }
