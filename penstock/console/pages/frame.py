"""Frame of every page: header, menu, how far Cassandra is behind, and the token of those who may write."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from nicegui import app, context, ui

from penstock.console.hub import Hub
from penstock.console.pages.pieces import say_refused
from penstock.console.plain import duration
from penstock.console.safety.guard import Caller
from penstock.errors import PenstockError

PAGES = {
    "Pipeline": "/",
    "Topics": "/topics",
    "Follow a row": "/follow",
    "Connectors": "/connectors",
    "Readers": "/readers",
    "Schemas": "/schemas",
    "Views": "/views",
    "Dead letters": "/dead-letters",
    "Alerts": "/alerts",
    "Loads": "/loads",
    "System": "/parts",
}
_STYLE = Path(__file__).with_name("style.css").read_text()
_STALE_S = 5.0
_BEHIND_WARN_S = 10


class Frame:
    """Header and menu of one page in one tab; what is made after it is the page's content."""

    def __init__(self, hub: Hub, current: str) -> None:
        self.hub = hub
        self._drawer: ui.left_drawer
        ui.add_css(_STYLE)
        self._mode = ui.dark_mode(_wanted_mode())
        with ui.header().classes("bar items-center px-4 py-2 gap-3 no-wrap"):
            ui.button(icon="menu", on_click=lambda: self._drawer.run_method("toggle")).props(
                "flat dense round aria-label=Menu color=grey"
            )
            ui.label("Penstock").classes("text-base font-bold")
            mode = "may write" if hub.guard.write else "read-only"
            ui.label(mode).classes("tag dim wide-only").tooltip("console.write in penstock.toml")
            ui.space()
            self._alerts = ui.link("", "/alerts").classes("tag down no-underline")
            self._fresh = ui.label().classes("num text-sm").props("aria-live=polite")
            if hub.guard.write:
                ui.button(icon="key", on_click=self._ask_token).props(
                    "flat dense round color=grey aria-label='Token for writing'"
                )
            ui.button(icon="contrast", on_click=self._toggle).props(
                "flat dense round color=grey aria-label='Dark or light'"
            )
        # Whether it is open is the browser's to know: NiceGUI would ask each tab, and log those that are slow.
        self._drawer = (
            ui.left_drawer(value=False).props("width=176 bordered breakpoint=900 show-if-above").classes("bar")
        )
        with self._drawer, ui.element("nav").classes("nav w-full text-sm").props("aria-label=Pages"):
            for name, path in PAGES.items():
                if name == "Loads" and not hub.config.airflow.enabled:
                    continue
                link = ui.link(name, path).classes("on" if name == current else "")
                if name == current:
                    link.props("aria-current=page")
        self.content = ui.column().classes("w-full gap-3 p-1")
        self.every(1.0, self._refresh)

    def every(self, seconds: float, refresh: Callable[[], object]) -> None:
        """Call now and again and again while the page is open."""
        ui.timer(seconds, refresh)

    @property
    def caller(self) -> Caller:
        """Who uses this tab, as far as the connection shows, with the token that was typed in it."""
        request = context.client.request
        who = f"page {request.client.host if request and request.client else '?'}"
        return Caller(app.storage.client.get("token"), who)

    def attempt(self, action: Callable[[], object], *, done: str) -> bool:
        """Do something that may be refused, and say how it went."""
        try:
            action()
        except PenstockError as exc:
            say_refused(exc)
            return False
        ui.notify(done, type="positive")
        return True

    def _refresh(self) -> None:
        moment = self.hub.now
        age_s = max(0.0, time.time() - moment.snapshot.at)
        fresh = moment.flow.freshness_s
        if age_s > _STALE_S:
            text, colour = f"these figures are {duration(age_s)} old", "down"
        elif fresh is None:
            text, colour = "how far Cassandra is behind: unknown", "down"
        else:
            at_most = "at most " if (moment.flow.late_s or 0) < _BEHIND_WARN_S <= fresh else ""
            text, colour = f"Cassandra is {at_most}{duration(fresh)} behind", "ok" if fresh < _BEHIND_WARN_S else "warn"
        self._fresh.set_text(text)
        self._fresh.classes(add=colour, remove=" ".join({"ok", "warn", "down"} - {colour}))
        firing = sum(alert.is_firing for alert in moment.alerts.values())
        self._alerts.set_text(f"{firing} alert{'s' if firing != 1 else ''}" if firing else "")
        self._alerts.set_visibility(bool(firing))

    def _toggle(self) -> None:
        dark = not self._mode.value
        self._mode.set_value(dark)
        # A year; the next page is drawn in it from the beginning.
        ui.run_javascript(
            f'document.cookie = "mode={"dark" if dark else "light"};path=/;max-age=31536000;samesite=lax"'
        )

    def _ask_token(self) -> None:
        with ui.dialog(value=True) as dialog, ui.card().classes("panel"):
            ui.label("Writing needs the token").classes("font-semibold")
            ui.label(f"It is in {self.hub.guard.token_file}").classes("dim text-sm")
            field = ui.input("Token", password=True).props("autofocus outlined dense").classes("w-full")

            def keep() -> None:
                if not self.hub.guard.is_token(field.value):
                    ui.notify("That is not the token", type="negative")
                    return
                app.storage.client["token"] = field.value
                dialog.close()
                ui.notify("This tab may write now", type="positive")

            field.on("keydown.enter", keep)
            ui.button("Use it", on_click=keep).props("no-caps unelevated")


def _wanted_mode() -> bool | None:
    request = context.client.request
    asked = request.query_params.get("mode") or request.cookies.get("mode") if request else None
    return {"dark": True, "light": False}.get(asked or "")
