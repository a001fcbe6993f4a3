"""A real Chromium before the control center: it notes what goes wrong on a page, and what is asked of other hosts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.patience import PATIENCE_S

_NAMES = ("chromium", "chromium-browser", "google-chrome")
PAGES = (
    "/",
    "/topics",
    "/topics/app.public.users",
    "/follow",
    "/connectors",
    "/connectors/users-postgres-source",
    "/readers",
    "/schemas",
    "/schemas/views.users_by_id-value",
    "/views",
    "/dead-letters",
    "/alerts",
    "/loads",
    "/parts",
    "/docs",
)


class Watched:
    """One tab of a browser. `faults` are console errors and exceptions, `foreign` what was asked of other hosts."""

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.base = base
        page.set_default_timeout(PATIENCE_S * 1000)
        self.faults: list[str] = []
        self.foreign: list[str] = []
        page.on("console", lambda message: self.faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("request", lambda request: self._note(request.url))

    def open(self, path: str) -> Page:
        """Go to a page and wait until it is there and connected."""
        self.page.goto(self.base + path)
        self.page.wait_for_load_state("networkidle" if path == "/docs" else "load")
        return self.page

    def _note(self, url: str) -> None:
        own = (self.base, self.base.replace("http", "ws", 1), "data:", "blob:")
        if not url.startswith(own):
            self.foreign.append(url)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the machine's Chromium (Debian: apt-get install chromium), without a window."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if not found:
        pytest.skip("no Chromium on the PATH. Install it (Debian 12: apt-get install chromium)")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()
