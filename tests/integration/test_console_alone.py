"""The control center with every system away: it says so on each page, fails nowhere, and by default it only reads."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, expect

from penstock.clone import ROOT
from penstock.config import Config
from penstock.http_client import answers
from penstock.sections.console import Console
from penstock.sections.spark import Spark
from penstock.stack.processes import memory_mb
from penstock.wait import wait_until
from tests.browser import PAGES, Watched, chromium
from tests.garbage import send_all
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("console")]

PORT = 27921
AWAY = 27930  # nothing listens there, nor at the ports after it
SOON_MS = PATIENCE_S * 1000
BODIES = {
    "/connectors/x/restart": None,
    "/views/verify": {},
    "/loads": {"users": 1},
    "/dead-letters/replay": {"ids": ["dead-letters.sink/0/0"], "dry_run": False},
}


def config_of(folder: Path) -> Config:
    sections = ("api", "postgres", "kafka", "registry", "connect", "cassandra", "airflow")
    ports: dict[str, Any] = {section: {"port": AWAY + number} for number, section in enumerate(sections)}
    return Config(state=folder, console=Console(port=PORT), spark=Spark(master_ui_port=AWAY + 8), **ports)


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[bytes]]:
    folder = tmp_path_factory.mktemp("console")
    file = folder / "config.json"
    config = config_of(folder / "state")
    file.write_text(config.model_dump_json())
    log = folder / "console.log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "penstock.console", "--config", str(file)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
    try:
        url = f"{config.console.url}/api/v1/about"
        wait_until(lambda: answers(url), timeout_s=PATIENCE_S, what="the console answers", log=log)
        yield process
    finally:
        process.terminate()
        process.wait(30)
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def url(path: str) -> str:
    return f"http://127.0.0.1:{PORT}{path}"


@pytest.mark.parametrize("path", PAGES)
def test_no_page_fails_while_everything_is_away(browser: Browser, path: str) -> None:
    context = browser.new_context()
    tab = Watched(context.new_page(), url(""))
    page = tab.open(path)
    if path != "/docs":
        expect(page.get_by_text("how far Cassandra is behind: unknown")).to_be_visible(timeout=SOON_MS)
    assert (tab.faults, tab.foreign) == ([], [])
    context.close()


def test_every_box_is_red_with_its_reason(browser: Browser) -> None:
    page = browser.new_page()
    page.goto(url("/"))
    expect(page.locator(".box.is-down")).to_have_count(9, timeout=SOON_MS)
    expect(page.locator(".box.is-down").first).to_contain_text("connection refused", timeout=SOON_MS)
    expect(page.get_by_text(re.compile("1 alert$"))).to_be_visible(timeout=SOON_MS)


def test_health_names_what_is_away_and_the_metrics_leave_out_what_nobody_knows() -> None:
    wait_until(
        lambda: "Kafka" in requests.get(url("/health"), timeout=5).json()["away"],
        timeout_s=PATIENCE_S,
        what="it looked",
    )
    assert requests.get(url("/health"), timeout=5).status_code == 503

    def metrics() -> str:
        return requests.get(url("/metrics/"), timeout=5).text

    wait_until(
        lambda: 'penstock_system_up{system="changes"} 0.0' in metrics(), timeout_s=PATIENCE_S, what="Kafka is away"
    )
    assert "penstock_freshness_seconds" not in metrics()


@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
def test_the_metrics_are_there_with_and_without_a_slash(path: str) -> None:
    assert "penstock_alert_firing" in requests.get(url(path), timeout=5).text


def test_who_asks_for_the_status_alone_gets_it() -> None:
    assert requests.head(url("/metrics"), timeout=5).status_code == 200
    assert requests.head(url("/health"), timeout=5).headers["content-type"] == "application/json"


def test_what_cannot_be_known_is_an_answer_with_the_reason() -> None:
    for path in ("/topics", "/connectors", "/schemas", "/loads", "/dead-letters"):
        answer = requests.get(url(f"/api/v1{path}"), timeout=30)
        assert answer.status_code == 503, path
        assert answer.json()["message"]


def test_a_console_that_is_not_set_to_write_does_not() -> None:
    for path, body in BODIES.items():
        answer = requests.post(url(f"/api/v1{path}"), json=body, timeout=30)
        assert (answer.status_code, answer.json()["error"]) == (403, "ReadOnly"), path
    tried = requests.get(url("/api/v1/audit"), timeout=5).json()
    assert len(tried) == len(BODIES)


def test_no_garbage_makes_the_api_fail() -> None:
    problems = [asked.problem for asked in send_all(url(""), valid={}) if asked.problem]
    assert problems == []


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/nothing"), ("GET", ""), ("POST", "/topics"), ("DELETE", "/connectors/x"), ("OPTIONS", "/pipeline")],
)
def test_what_is_no_route_is_said_in_json(method: str, path: str) -> None:
    answer = requests.request(method, url(f"/api/v1{path}"), timeout=30)
    assert (answer.status_code, answer.json()["error"]) == (404, "RouteMissing")


def test_the_api_describes_itself_without_another_host() -> None:
    assert "/api/v1/pipeline" in requests.get(url("/openapi.json"), timeout=5).json()["paths"]
    assert not re.findall(r"https?://(?!127\.0\.0\.1)", requests.get(url("/docs"), timeout=5).text)


def test_it_stays_small(console: subprocess.Popen[bytes]) -> None:
    assert memory_mb(console.pid) < 150
