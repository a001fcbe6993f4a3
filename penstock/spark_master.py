"""The master of Spark: what it reports on its page of its workers and applications."""

from __future__ import annotations

from typing import Any

from penstock.config import Config
from penstock.http_client import get_json

AGGREGATES_CORES = 4
"""Tasks of the aggregates' queries at a time; each waits for files and Kafka more than it counts."""


def applications(config: Config, name: str) -> list[dict[str, Any]]:
    """Return what the master reports of the applications of that name which are registered; none while it is away."""
    return [app for app in master_state(config).get("activeapps", []) if app["name"] == name]


def alive_workers(config: Config) -> set[tuple[str, int]]:
    """Return host and port of each worker that the master knows as alive."""
    return {
        (each["host"], each["port"]) for each in master_state(config).get("workers", []) if each["state"] == "ALIVE"
    }


def master_state(config: Config) -> dict[str, Any]:
    """Return what the master reports on its page as JSON; nothing while it is away, or another server answers."""
    found = get_json(config.spark.master_page)
    return found if isinstance(found, dict) else {}
