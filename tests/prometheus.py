"""A real Prometheus that scrapes an installation: Debian's, in a folder and on a port of its own."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from monitoring.dashboard import panels
from penstock.cli.metrics import prometheus_config
from penstock.clone import ROOT
from penstock.config import Config
from penstock.wait import wait_until
from tests.integration.servers import free_port
from tests.patience import PATIENCE_S

_RULES = ROOT / "monitoring/rules.yml"
QUERIES = [query.expr.replace("$__rate_interval", "1m") for panel in panels() for query in panel.queries]
"""What the dashboard asks, as Grafana would send it."""


@dataclass(frozen=True)
class Prometheus:
    """A client of one Prometheus."""

    url: str

    def ask(self, query: str) -> list[tuple[dict[str, str], float]]:
        """Return what a query answers now: labels and value."""
        answer = self._get("query", query=query)
        return [(each["metric"], float(each["value"][1])) for each in answer["result"]]

    def value(self, query: str) -> float | None:
        """Return the first value of an answer."""
        return next((value for _, value in self.ask(query)), None)

    def wait_until_answers(self, query: str) -> None:
        """Wait until a query has an answer."""
        wait_until(lambda: bool(self.ask(query)), timeout_s=PATIENCE_S, what=f"there is an answer to {query}")

    def firing(self) -> dict[str, dict[str, str]]:
        """Return the alerts that fire, with their annotations."""
        alerts = [each for each in self._get("alerts")["alerts"] if each["state"] == "firing"]
        return {each["labels"]["alertname"]: each["annotations"] for each in alerts}

    def rules(self) -> dict[str, str]:
        """Return how the evaluation of each alert went last: `ok`, or not."""
        groups = self._get("rules")["groups"]
        return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}

    def wait_until_fires(self, alert: str) -> None:
        """Wait until an alert fires; its annotations are whole."""
        wait_until(lambda: alert in self.firing(), timeout_s=PATIENCE_S, what=f"{alert} fires")
        texts = self.firing()[alert]
        assert "error" not in texts["summary"] and "<no value>" not in texts["summary"], texts

    def wait_until_over(self, *alerts: str) -> None:
        """Wait until none of these alerts fires."""
        names = set(alerts)
        wait_until(lambda: not names & self.firing().keys(), timeout_s=PATIENCE_S, what=f"{names} are over")

    def _get(self, path: str, **query: str) -> Any:
        answer = requests.get(f"{self.url}/api/v1/{path}", params=query, timeout=30)
        assert answer.ok, answer.text
        return answer.json()["data"]


@contextmanager
def prometheus(config: Config, folder: Path) -> Iterator[Prometheus]:
    """Run one until the block ends; it looks every second, and an alert waits for no time of its own (`for`)."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("Prometheus is not installed (Debian: apt-get install prometheus): metrics are NOT tested on it")
    rules = folder / "rules.yml"
    rules.write_text(re.sub(r"\bfor: \w+", "for: 0s", _RULES.read_text()))
    settings = folder / "prometheus.yml"
    settings.write_text(prometheus_config(config, every_s=1).replace(str(_RULES), str(rules)))
    address, log = f"127.0.0.1:{free_port()}", folder / "prometheus.log"
    options = (f"--config.file={settings}", f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={address}")
    with log.open("wb") as output:
        process = subprocess.Popen([program, *options], stdout=output, stderr=subprocess.STDOUT)
    found = Prometheus(f"http://{address}")
    try:
        wait_until(lambda: _is_ready(found), timeout_s=PATIENCE_S, what="Prometheus answers", log=log)
        yield found
    finally:
        process.terminate()
        process.wait(30)


def _is_ready(found: Prometheus) -> bool:
    try:
        return requests.get(f"{found.url}/-/ready", timeout=5).ok
    except requests.ConnectionError:
        return False
