"""Validation of the sink by the worker's REST interface: everything that is wrong at once, each on its own setting."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests

from penstock.clone import ROOT
from tests.stack import Stack

FILE = ROOT / "connect/connectors/cassandra-views-sink.json"


@pytest.fixture
def settings() -> dict[str, str]:
    found: dict[str, str] = json.loads(Path(FILE).read_text())
    return found


def problems(stack: Stack, settings: dict[str, str]) -> dict[str, list[str]]:
    """Ask as a user's curl does; return what is wrong by setting."""
    url = f"{stack.config.connect.url}/connector-plugins/{settings['connector.class']}/config/validate"
    reply = requests.put(url, json={"name": "judged", **settings}, timeout=60)
    assert reply.status_code == 200, reply.text
    values = [config["value"] for config in reply.json()["configs"]]
    found = {value["name"]: value["errors"] for value in values if value["errors"]}
    assert reply.json()["error_count"] == sum(len(errors) for errors in found.values())
    return found


def test_the_file_in_the_repository_is_right(stack: Stack, settings: dict[str, str]) -> None:
    assert problems(stack, settings) == {}


def test_everything_wrong_is_found_at_once(stack: Stack, settings: dict[str, str]) -> None:
    keyspace = stack.config.names.keyspace
    mapping = f"topic.views.users_by_id.{keyspace}"
    settings |= {
        "consistencyLevl": "ONE",
        "maxConcurrentRequests": "many",
        f"{mapping}.users_by_id.mapping": "id=key.id, shoe_size=value.shoe_size",
        f"{mapping}.nothing.mapping": "*",
        f"topic.views.user_history.{keyspace}.user_history.mapping": "this is no mapping",
    }
    found = problems(stack, settings)
    assert "consistencyLevel" in found.pop("consistencyLevl")[0]
    assert "many" in found.pop("maxConcurrentRequests")[0]
    assert "this is no mapping" in found.pop(f"topic.views.user_history.{keyspace}.user_history.mapping")[0]
    assert "shoe_size" in found.pop(f"{mapping}.users_by_id.mapping")[0]
    assert f"{keyspace}.nothing does not exist" in found.pop(f"{mapping}.nothing.mapping")[0]
    assert found == {}


def test_a_cluster_that_is_away_is_found_on_its_own_setting(stack: Stack, settings: dict[str, str]) -> None:
    settings["port"] = "26999"
    found = problems(stack, settings)
    assert "port 26999 does not answer" in found["contactPoints"][0]
    assert len(found) == 1
