"""The watcher on a real Connect: a Debezium task that fails for good comes back once its cause is cured."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from penstock.config import Config, load_config
from penstock.connect.api import ConnectApi
from penstock.connect.apply import validate_connectors
from penstock.connect.files import ConnectorFile, read_connectors
from penstock.layout import Layout
from penstock.project.folders import Project
from penstock.topics.admin import TopicAdmin
from penstock.wait import wait_until
from tests.integration.servers import started_behind, written
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.slow

CONNECTORS = Project.of(Config()).connectors
NAME = "watched-source"
PUBLICATION = "later"
CDC_TOPIC = "app.public.users"
JSON = "org.apache.kafka.connect.json.JsonConverter"
INSERT = """
INSERT INTO public.users (id, email, first_name, last_name, registered, country)
VALUES (gen_random_uuid(), 'a@example.com', 'Ada', 'Lovelace', '2020-02-29', 'PT')
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("watched"), "postgres", "kafka", "connect")


@pytest.fixture(scope="module")
def config(file: Path) -> Iterator[Config]:
    """Start Postgres, Kafka, Connect and the watcher in a folder of their own; no connector is applied."""
    config = load_config(file)
    with started_behind(config, "connect", "connect-watcher"):
        yield config


@pytest.fixture
def api(config: Config) -> Iterator[ConnectApi]:
    with ConnectApi(config.connect.url) as client:
        yield client


@pytest.fixture
def source(api: ConnectApi) -> Iterator[ConnectorFile]:
    """Return a source whose publication does not exist; it is deleted at the end."""
    (users,) = read_connectors(CONNECTORS, names=["users-postgres-source"])
    own = {"slot.name": PUBLICATION, "publication.name": PUBLICATION, "snapshot.mode": "no_data"}
    plain = {"key.converter": JSON, "value.converter": JSON}  # so that no registry is needed
    yield ConnectorFile(NAME, {**users.config, **own, **plain})
    if NAME in api.connectors():
        api.delete(NAME)


def sql(config: Config, statement: str) -> None:
    with closing(psycopg2.connect(config.postgres.dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)


def penstock(file: Path, *arguments: str) -> str:
    """Run the command line as a user does; return what it printed."""
    command = [str(Path(sys.executable).with_name("penstock")), *arguments]
    environment = {**os.environ, "PENSTOCK_CONFIG": str(file)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout


def listed(file: Path) -> dict[str, Any]:
    """Return what `connectors list --json` knows of the connector."""
    (record,) = [each for each in json.loads(penstock(file, "connectors", "list", "--json")) if each["name"] == NAME]
    return dict(record)


def shows_restarts(file: Path, *command: str) -> bool:
    """Return whether a command shows restarts and the next try; between a restart and its failure there is no next."""
    return re.search(r"restarted \d+ times, next try in \d+ s", penstock(file, *command)) is not None


def soon(check: Callable[[], bool], config: Config, *, what: str) -> None:
    wait_until(check, timeout_s=PATIENCE_S, what=what, log=Layout.of(config).log("connect-watcher"))


def test_a_failed_task_is_restarted_until_its_cause_is_cured(
    file: Path, config: Config, api: ConnectApi, source: ConnectorFile
) -> None:
    validate_connectors(api, files=[source])  # it does not look for the publication
    api.put_config(NAME, source.config)
    soon(lambda: listed(file)["watcher"] is not None, config, what="the failure is seen")
    soon(lambda: listed(file)["watcher"]["restarts"] >= 2, config, what="it was restarted twice, in vain")
    for command in (["connectors", "list"], ["status"], ["status", "--json"]):
        soon(partial(shows_restarts, file, *command), config, what=f"{command} shows it")

    sql(config, f"CREATE PUBLICATION {PUBLICATION} FOR TABLE public.users")
    soon(lambda: api.status(NAME).is_running, config, what="the task runs, without a hand on it")
    soon(lambda: listed(file)["watcher"]["next_try_in_s"] is None, config, what="the watcher sees it run")
    topics, before = TopicAdmin(config.kafka.bootstrap), {CDC_TOPIC: 1}
    seen = topics.records(before)[CDC_TOPIC]
    sql(config, INSERT)
    soon(lambda: topics.records(before)[CDC_TOPIC] > seen, config, what="a change arrives")
    log = Layout.of(config).log("connect-watcher").read_text()
    assert f"{NAME}: task 0 FAILED: " in log
    assert f"{NAME}: runs again, restarted " in log


def test_a_deleted_connector_is_forgotten(file: Path, config: Config, api: ConnectApi, source: ConnectorFile) -> None:
    sql(config, f"DROP PUBLICATION IF EXISTS {PUBLICATION}")
    api.put_config(NAME, source.config)
    soon(lambda: listed(file)["watcher"] is not None, config, what="the failure is seen")
    api.delete(NAME)
    log = Layout.of(config).log("connect-watcher")
    soon(lambda: f"{NAME}: no such connector any more" in log.read_text(), config, what="it is forgotten")
    assert NAME not in penstock(file, "status", "--json")
