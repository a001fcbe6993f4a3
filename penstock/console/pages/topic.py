"""Page of one topic: its messages, partitions, configuration, schemas, readers."""

from __future__ import annotations

from typing import Any

from nicegui import context, run, ui

from penstock.console.hub import Hub
from penstock.console.links import path_to
from penstock.console.moment.progress import Lag
from penstock.console.pages.frame import Frame
from penstock.console.pages.pieces import LAG_COLUMNS, Banner, Table, ago, column, lag_cells, pairs, rate
from penstock.console.pages.topic_messages import Messages
from penstock.console.service.topics import TopicDetail, topic_detail, topic_settings
from penstock.errors import PenstockError

_PARTITIONS = [
    column("number", "Partition", kind="count"),
    column("beginning", "Beginning", kind="count"),
    column("end", "End", kind="count"),
    column("held", "Offsets held", kind="count"),
    column("leader", "Leader", kind="count"),
    column("replicas", "Replicas"),
    column("in_sync", "In sync"),
    column("state", "State"),
]
_READERS = [column("name", "Reader"), column("kind", "Kind"), *LAG_COLUMNS]


def register(hub: Hub) -> None:
    """Add the page."""

    @ui.page("/topics/{name}", title="Topic · Penstock")
    def page(name: str) -> None:
        query = context.client.request.query_params if context.client.request else {}
        frame = Frame(hub, "Topics")
        with frame.content:
            try:
                detail = topic_detail_of(hub, name)
            except PenstockError as exc:
                ui.label(str(exc)).classes("panel banner down")
                ui.link("All topics", "/topics").classes("in")
                return
            banner = Banner()
            head = ui.label().classes("text-base font-semibold num").props("role=heading aria-level=1")
            with ui.tabs().props("dense no-caps align=left") as tabs:
                names = ("Messages", "Partitions", "Configuration", "Schemas", "Readers")
                made = [ui.tab(each) for each in names]
            with ui.tab_panels(tabs, value=made[0]).classes("w-full bg-transparent").props("animated=false"):
                with ui.tab_panel(made[0]).classes("p-0"):
                    Messages(hub, frame, name, dict(query))
                with ui.tab_panel(made[1]).classes("p-0"):
                    partitions = Table(_PARTITIONS, key="number", empty="No partition")
                with ui.tab_panel(made[2]).classes("p-0") as configuration:
                    ui.label("asking Kafka …").classes("dim")
                with ui.tab_panel(made[3]).classes("p-0"):
                    _schemas(detail)
                with ui.tab_panel(made[4]).classes("p-0"):
                    readers = Table(_READERS, key="id", empty="Nobody reads it")

        def refresh() -> None:
            banner.show(hub.now.snapshot.kafka)
            try:
                now = topic_detail_of(hub, name)
            except PenstockError as exc:
                head.set_text(str(exc))
                return
            row = now.topic
            head.set_text(f"{name} · {row.kind} · {row.held:,} offsets · {rate(row.rate)} · newest {ago(row.newest_s)}")
            partitions.fill([_partition(each) for each in now.partitions])
            readers.fill([_reader(*each) for each in now.readers])

        async def show_settings() -> None:
            found = await run.io_bound(topic_settings, hub, name)
            if found is not None:
                configuration.clear()
                with configuration:
                    _settings(*found)

        frame.every(1.0, refresh)
        ui.timer(0.05, show_settings, once=True)


def topic_detail_of(hub: Hub, name: str) -> TopicDetail:
    """Return what changes of a topic, without asking Kafka for its settings."""
    return topic_detail(hub, name, with_settings=False)


def _partition(part: Any) -> dict[str, Any]:
    whole = part.is_whole
    return {
        **{name: getattr(part, name) for name in ("number", "beginning", "end", "leader")},
        "held": part.end - part.beginning,
        "replicas": ", ".join(map(str, part.replicas)),
        "in_sync": ", ".join(map(str, part.in_sync)),
        "state": "whole" if whole else "not whole",
        "level": "ok" if whole else "down",
    }


def _reader(name: str, kind: str, lag: Lag) -> dict[str, Any]:
    return {"id": f"{name}/{lag.partition}", "name": name, "href": "/readers", "kind": kind, **lag_cells(lag)}


def _settings(settings: dict[str, str], problem: str | None) -> None:
    if problem:
        ui.label(problem).classes("panel banner down")
    with ui.element("div").classes("panel p-2 w-full"):
        pairs(settings)


def _schemas(detail: TopicDetail) -> None:
    with ui.column().classes("panel p-3 w-full gap-1"):
        for subject, versions in detail.subjects.items():
            with ui.row().classes("gap-3"):
                ui.link(subject, path_to("schemas", subject)).classes("in")
                ui.label(f"{len(versions)} version{'s' if len(versions) != 1 else ''}").classes("dim num")
        if not detail.subjects:
            ui.label("The registry has no schema of this topic.").classes("dim")
