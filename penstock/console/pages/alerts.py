"""Page of alerts: those that fire now, every rule, and those that fired before."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from penstock.console.hub import Hub
from penstock.console.moment.alerts import Alert, Change
from penstock.console.pages.frame import Frame
from penstock.console.pages.pieces import Table, clock, column, heading

_RULES = [
    column("name", "Alert"),
    column("state", "State"),
    column("value", "Value", kind="count"),
    column("rule", "Rule"),
    column("since", "Since"),
    column("detail", "Detail"),
]
_HISTORY = [column("at", "Time"), column("name", "Alert"), column("state", ""), column("detail", "Detail")]


def register(hub: Hub) -> None:
    """Add the page."""

    @ui.page("/alerts", title="Alerts · Penstock")
    def page() -> None:
        frame = Frame(hub, "Alerts")
        with frame.content:
            rules = Table(_RULES, empty="No rule: alerts.toml has none")
            ui.label(f"Rules: {hub.config.console.alerts} in the clone; read when the console starts.").classes(
                "dim text-sm"
            )
            heading("History", "since the console started")
            history = Table(_HISTORY, key="id", empty="Nothing has fired")

        def refresh() -> None:
            rules.fill([_rule(name, alert) for name, alert in hub.now.alerts.items()])
            history.fill([_change(*numbered) for numbered in reversed(list(enumerate(hub.recorder.alert_history)))])

        frame.every(1.0, refresh)


def _rule(name: str, alert: Alert) -> dict[str, Any]:
    return {
        "name": name,
        "state": "fires" if alert.is_firing else "quiet" if alert.value is not None else "not known",
        "level": "down" if alert.is_firing else "ok" if alert.value is not None else "warn",
        "value": alert.value,
        "rule": f"{alert.rule.what} above {alert.rule.above:,g} for {alert.rule.for_s:g} s",
        "since": clock(alert.firing_since) if alert.firing_since else "",
        "detail": alert.detail,
    }


def _change(number: int, change: Change) -> dict[str, Any]:
    return {
        "id": number,
        "at": clock(change.at),
        "name": change.name,
        "state": "began" if change.firing else "ended",
        "level": "down" if change.firing else "ok",
        "detail": change.detail,
    }
