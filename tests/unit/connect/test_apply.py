"""The policy of applying, against a small HTTP double that can be busy, starting, failing or gone.

The real worker is in tests/integration/test_connect_api.py; what it does only by chance (409, a late 404) is here.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from penstock.address import Address
from penstock.connect.api import ConnectApi, ConnectBusy, ConnectorNotFound, ConnectReplyUnknown, ConnectUnreachable
from penstock.connect.apply import (
    Change,
    ConnectorFailed,
    ConnectorIdle,
    ConnectorNotRunning,
    ConnectorRejected,
    ConnectorWatch,
    Outcome,
    apply_connectors,
    diff_configs,
    validate_connectors,
)
from penstock.connect.files import ConnectorFile
from penstock.wait import wait_until
from tests.patience import PATIENCE_S

CONFIG = {"connector.class": "x.Y", "tasks.max": "1"}
FILE = ConnectorFile("users", CONFIG)


@dataclass
class Worker:
    """A worker of one connector; the test says how it misbehaves."""

    config: dict[str, str] | None = None
    connector: str = "RUNNING"
    states: list[str] = field(default_factory=lambda: ["RUNNING"])
    busy: list[int] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    garbage: bool = False
    requests: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Return HTTP status and JSON; `busy` = the next statuses, where 0 is a 404 that is not Connect's."""
        self.requests.append(f"{method} {path}")
        if self.garbage:
            return 200, ["surprise"]
        if self.busy:
            status = self.busy.pop(0)
            return (status, {"error_code": status, "message": "rebalancing"}) if status else (404, "<html>")
        if path.endswith("/validate"):
            return 200, self.validation()
        if path.endswith("/resume"):
            self.connector = "RUNNING"
            return 202, {}
        if method == "PUT":
            self.config = body
            return 201, {"name": "users", "config": body, "type": "source"}
        if method == "POST":
            self.states = ["RUNNING"]
            return 202, {}
        if self.config is None:
            return 404, {"error_code": 404, "message": "Connector users not found"}
        return 200, self.status() if path.endswith("/status") else {"name": "users", **self.config}

    def validation(self) -> dict[str, Any]:
        """Return the reply to validate."""
        keys = [{"definition": {}, "value": {"name": key, "errors": [text]}} for key, text in self.problems.items()]
        return {"name": "x.Y", "error_count": len(keys), "groups": [], "configs": keys}

    def status(self) -> dict[str, Any]:
        """Return the status; the last state stays."""
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        has_none = self.connector == "STOPPED" or state == "TASKLESS"
        tasks = [] if has_none else [{"id": 0, "state": state, "worker_id": "w", "trace": f"why {state}"}]
        return {
            "name": "users",
            "type": "source",
            "connector": {"state": self.connector, "worker_id": "w", "version": "new in Kafka 4"},
            "tasks": tasks,
        }


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penstock.connect.apply._STEADY_S", 0.4)
    monkeypatch.setattr("penstock.connect.apply._FAILED_FOR_GOOD_S", 1.2)
    monkeypatch.setattr("penstock.connect.apply._BORNE_S", 1.2)
    monkeypatch.setattr("penstock.connect.apply._LOOK_S", 0.1)


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
def api(worker: Worker) -> Iterator[ConnectApi]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, reply = worker.answer(self.command, self.path, body)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(reply).encode() if not isinstance(reply, str) else reply.encode())

        do_PUT = do_POST = do_GET  # noqa: N815 - the names are http.server's

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    with ConnectApi(f"http://127.0.0.1:{server.server_port}") as client:
        yield client
    server.shutdown()
    thread.join()
    server.server_close()


def test_diff_names_added_removed_and_changed_keys_and_ignores_the_name() -> None:
    assert diff_configs({"name": "n", "a": "1", "b": "2"}, {"b": "3", "c": "4"}) == (
        Change("a", "1", None),
        Change("b", "2", "3"),
        Change("c", None, "4"),
    )


def test_a_new_connector_is_created(worker: Worker, api: ConnectApi) -> None:
    (result,) = apply_connectors(api, files=[FILE])
    assert result.outcome is Outcome.CREATED
    assert worker.config == CONFIG


def test_an_equal_connector_is_left_alone(worker: Worker, api: ConnectApi) -> None:
    worker.config = dict(CONFIG)
    (result,) = apply_connectors(api, files=[FILE])
    assert result.outcome is Outcome.UNCHANGED
    assert not [request for request in worker.requests if request == "PUT /connectors/users/config"]


def test_a_dry_run_shows_the_diff_and_changes_nothing(worker: Worker, api: ConnectApi) -> None:
    worker.config = {**CONFIG, "tasks.max": "4"}
    (result,) = apply_connectors(api, files=[FILE], dry_run=True)
    assert (result.outcome, result.changes) == (Outcome.UPDATED, (Change("tasks.max", "4", "1"),))
    assert worker.config["tasks.max"] == "4"


def test_a_rejected_configuration_changes_nothing(worker: Worker, api: ConnectApi) -> None:
    worker.problems = {"database.hostname": "is required"}
    with pytest.raises(ConnectorRejected, match=r"database\.hostname: is required"):
        apply_connectors(api, files=[FILE])
    assert worker.config is None


def test_rebalancing_and_starting_are_waited_for(worker: Worker, api: ConnectApi) -> None:
    worker.busy = [0, 409, 500]
    validate_connectors(api, files=[FILE])
    assert len(worker.requests) == 4


def test_a_worker_that_stays_busy_is_given_up_on_at_the_deadline(worker: Worker, api: ConnectApi) -> None:
    worker.busy = [409] * 100
    with pytest.raises(ConnectBusy):
        validate_connectors(api, files=[FILE], timeout_s=0.5)


def test_no_worker_at_all_is_said_with_its_address() -> None:
    with ConnectApi("http://127.0.0.1:9") as api, pytest.raises(ConnectUnreachable, match=r"127\.0\.0\.1:9"):
        validate_connectors(api, files=[FILE], timeout_s=0.5)


def test_while_a_worker_is_away_another_one_is_asked(worker: Worker, api: ConnectApi) -> None:
    worker.config = CONFIG
    with ConnectApi(Address("http://127.0.0.1:9", others=("http://127.0.0.1:10", api._url))) as first:
        assert first.config("users")["tasks.max"] == "1"
        assert first.config("users")["tasks.max"] == "1"
    assert len(worker.requests) == 2


def test_when_all_workers_are_away_it_is_said() -> None:
    with (
        ConnectApi(Address("http://127.0.0.1:9", others=("http://127.0.0.1:10",))) as api,
        pytest.raises(ConnectUnreachable),
    ):
        api.config("users")


def test_another_program_at_that_address_is_recognised(worker: Worker, api: ConnectApi) -> None:
    worker.garbage = True
    with pytest.raises(ConnectReplyUnknown, match="another program"):
        api.config("users")


def test_an_unknown_connector_is_not_found_at_once(api: ConnectApi) -> None:
    with pytest.raises(ConnectorNotFound):
        api.config("users")


def test_a_failed_but_equal_connector_is_restarted(worker: Worker, api: ConnectApi) -> None:
    worker.config, worker.states = dict(CONFIG), ["FAILED"]
    (result,) = apply_connectors(api, files=[FILE])
    assert result.outcome is Outcome.RESTARTED


def test_a_failed_state_left_from_before_the_change_is_no_failure(worker: Worker, api: ConnectApi) -> None:
    worker.config, worker.states = {"old": "1"}, ["FAILED", "FAILED", "RUNNING"]
    (result,) = apply_connectors(api, files=[FILE])
    assert result.outcome is Outcome.UPDATED


def test_a_task_that_stays_failed_is_reported_with_its_trace(worker: Worker, api: ConnectApi) -> None:
    worker.states = ["RUNNING", "FAILED"]
    with pytest.raises(ConnectorFailed, match="why FAILED"):
        apply_connectors(api, files=[FILE])


def test_a_connector_without_tasks_is_not_running(worker: Worker, api: ConnectApi) -> None:
    worker.states = ["TASKLESS"]
    with pytest.raises(ConnectorNotRunning, match=r"TASKLESS, 0 task\(s\)"):
        apply_connectors(api, files=[FILE], timeout_s=1)


def test_a_paused_connector_stays_paused(worker: Worker, api: ConnectApi) -> None:
    worker.config, worker.states = dict(CONFIG), ["PAUSED"]
    (result,) = apply_connectors(api, files=[FILE], timeout_s=1)
    assert result.outcome is Outcome.UNCHANGED


@pytest.mark.parametrize(
    ("config", "outcome"), [(CONFIG, Outcome.RESUMED), ({**CONFIG, "tasks.max": "4"}, Outcome.UPDATED)]
)
def test_a_connector_that_a_killed_command_left_stopped_goes_on(
    config: dict[str, str], outcome: Outcome, worker: Worker, api: ConnectApi
) -> None:
    worker.config, worker.connector = dict(config), "STOPPED"
    (result,) = apply_connectors(api, files=[FILE], timeout_s=5)
    assert (result.outcome, worker.connector, worker.config) == (outcome, "RUNNING", CONFIG)


def wait_in_vain(watch: ConnectorWatch) -> None:
    """Wait as a fence does, for what never comes."""

    def look() -> bool:
        watch.look()
        return False

    wait_until(look, timeout_s=PATIENCE_S, what="the wait is ended")


@pytest.mark.parametrize(
    ("connector", "task", "error", "says"),
    [
        ("PAUSED", "PAUSED", ConnectorIdle, "users is PAUSED: `penstock connectors resume users`, then run this again"),
        ("STOPPED", "STOPPED", ConnectorIdle, "users is STOPPED: `penstock connectors resume users`"),
        ("RUNNING", "FAILED", ConnectorFailed, "why FAILED"),
    ],
)
def test_a_wait_for_a_connector_that_does_not_work_ends(
    connector: str, task: str, error: type[Exception], says: str, worker: Worker, api: ConnectApi
) -> None:
    worker.config, worker.connector, worker.states = dict(CONFIG), connector, [task]
    with pytest.raises(error, match=says):
        wait_in_vain(ConnectorWatch(api._url, "users"))


def test_a_wait_for_a_connector_ends_when_no_worker_answers() -> None:
    with pytest.raises(ConnectUnreachable):
        wait_in_vain(ConnectorWatch("http://127.0.0.1:9", "users"))


def test_a_wait_for_a_connector_bears_a_restart(
    worker: Worker, api: ConnectApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penstock.connect.apply._BORNE_S", 1e-9)
    monkeypatch.setattr("penstock.connect.apply._LOOK_S", 0.0)
    worker.config, worker.states = dict(CONFIG), ["FAILED", "RUNNING", "FAILED", "RUNNING", "FAILED"]
    watch = ConnectorWatch(api._url, "users")
    for _ in range(5):
        watch.look()
    with pytest.raises(ConnectorFailed):
        watch.look()
