"""Page of readers: consumer groups and Spark's queries in one list, and how far behind each is."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from penstock.console.hub import Hub
from penstock.console.moment.progress import Reader
from penstock.console.pages.frame import Frame
from penstock.console.pages.pieces import LAG_COLUMNS, Banner, Table, column, heading, lag_cells
from penstock.console.plain import duration

_COLUMNS = [
    column("name", "Reader"),
    column("kind", "Kind"),
    column("state", "State"),
    column("behind", "Behind, records", kind="count"),
    column("seconds", "Behind, time", right=True),
    column("reads_as", "Reads as"),
    column("source", "Position known from"),
]
_LAGS = [column("name", "Reader"), column("topic", "Topic"), *LAG_COLUMNS]


def register(hub: Hub) -> None:
    """Add the page."""

    @ui.page("/readers", title="Readers · Penstock")
    def page() -> None:
        frame = Frame(hub, "Readers")
        with frame.content:
            banner = Banner()
            table = Table(_COLUMNS, empty="Nobody reads anything, or Kafka and Spark have not been seen")
            heading("By partition")
            lags = Table(_LAGS, key="id", empty="Nothing is read yet")

        def refresh() -> None:
            snapshot = hub.now.snapshot
            banner.show(snapshot.kafka, snapshot.groups, snapshot.spark)
            table.fill([_cells(reader) for reader in hub.now.flow.readers])
            lags.fill([cells for reader in hub.now.flow.readers for cells in _lag_cells(reader)])

        frame.every(1.0, refresh)


def _cells(reader: Reader) -> dict[str, Any]:
    return {
        "name": reader.name,
        "kind": reader.kind,
        "state": reader.state,
        "level": "ok" if reader.is_well else "down",
        "behind": reader.behind,
        "seconds": duration(reader.seconds),
        "reads_as": reader.reads_as,
        "source": reader.source,
    }


def _lag_cells(reader: Reader) -> list[dict[str, Any]]:
    return [
        {
            "id": f"{reader.name}/{lag.topic}/{lag.partition}",
            "name": reader.name,
            "topic": lag.topic,
            **lag_cells(lag),
        }
        for lag in reader.lags
    ]
