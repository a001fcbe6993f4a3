"""Page of all topics: the rate of each, its newest record and how far its readers are behind."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from penstock.console.hub import Hub
from penstock.console.links import path_to
from penstock.console.look.reading import if_seen
from penstock.console.pages.frame import Frame
from penstock.console.pages.pieces import Banner, Table, ago, column
from penstock.console.service.topics import TopicRow, list_topics

_COLUMNS = [
    column("name", "Topic"),
    column("kind", "Kind"),
    column("partitions", "Partitions", kind="count"),
    column("held", "Offsets held", kind="count"),
    column("rate", "Records", kind="rate"),
    column("newest", "Newest record", right=True),
    column("readers", "Readers", kind="count"),
    column("behind", "Slowest reader behind", kind="count"),
    column("state", "State"),
]


def register(hub: Hub) -> None:
    """Add the page."""

    @ui.page("/topics", title="Topics · Penstock")
    def page(internal: bool = False) -> None:
        frame = Frame(hub, "Topics")
        with frame.content:
            banner = Banner()
            with ui.row().classes("items-center gap-4"):
                shown = ui.switch("Internal topics", value=internal)
                shown.on_value_change(
                    lambda: ui.navigate.history.replace("/topics?internal=true" if shown.value else "/topics")
                )
            table = Table(
                _COLUMNS, empty="No topic yet: Kafka has not been seen, or `penstock up` has not made them", search=True
            )

        def refresh() -> None:
            banner.show(hub.now.snapshot.kafka, hub.now.snapshot.declared)
            rows = if_seen(lambda: list_topics(hub))
            table.fill([_cells(row) for row in rows if shown.value or row.kind != "internal"])

        shown.on_value_change(refresh)
        frame.every(1.0, refresh)


def _cells(row: TopicRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "href": path_to("topics", row.name),
        "kind": row.kind,
        "partitions": row.partitions,
        "held": row.held,
        "rate": None if row.rate is None else round(row.rate, 1),
        "newest": ago(row.newest_s),
        "readers": row.readers,
        "behind": row.behind,
        "state": "whole" if row.is_whole else "not whole",
        "level": "ok" if row.is_whole else "down",
    }
