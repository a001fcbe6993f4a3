"""The REST API of Kafka Connect: one method per endpoint, no policy (`penstock.connect.apply` decides).

A reply becomes a frozen model or a typed error. Unknown fields of a reply are ignored: a newer Connect adds some.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar, final
from urllib.parse import quote

import requests
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from penstock.address import Address
from penstock.errors import TerminalError, TransientError, Unreachable
from penstock.http_client import HttpClient, was_refused

ConnectorConfig = Mapping[str, str]
_Model = TypeVar("_Model")
_MESSAGE_LIMIT = 600


class ConnectUnreachable(Unreachable):
    """Nothing answers at the address of the worker."""

    def __init__(self, url: str, cause: str) -> None:
        super().__init__(f"Kafka Connect does not answer at {url} ({cause})")


class ConnectBusy(TransientError):
    """The worker answers but is starting, joining its group or rebalancing."""

    def __init__(self, request: str, status: int, message: str) -> None:
        super().__init__(f"Kafka Connect is not ready for {request} (HTTP {status}: {message}); try again in a moment")


class ConnectorNotFound(TerminalError):
    """The worker knows no connector of that name."""

    def __init__(self, request: str, message: str) -> None:
        super().__init__(f"{request}: {message}; `penstock connectors list` shows those that exist")


class ConnectRefused(TerminalError):
    """The worker understood the request and refuses it."""

    def __init__(self, request: str, status: int, message: str) -> None:
        super().__init__(f"Kafka Connect refuses {request} (HTTP {status}): {message[:_MESSAGE_LIMIT]}")


class ConnectReplyUnknown(TerminalError):
    """Something answers there, but not as Kafka Connect does."""

    def __init__(self, request: str, detail: str) -> None:
        super().__init__(
            f"{request} got a reply that Kafka Connect does not give ({detail}); does another program listen there?"
        )


class State(StrEnum):
    """The states that Penstock acts on; Connect has more and may add others, so a state is kept as text."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"
    FAILED = "FAILED"


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Worker(_Reply):
    """What a worker says of itself."""

    version: str
    kafka_cluster_id: str


class ConnectorState(_Reply):
    """What the connector itself (not its tasks) is doing."""

    state: str
    worker_id: str
    trace: str | None = None


class TaskState(ConnectorState):
    """What one task is doing."""

    id: int


class ConnectorStatus(_Reply):
    """A connector and its tasks."""

    name: str
    type: str
    connector: ConnectorState
    tasks: tuple[TaskState, ...]

    @property
    def is_running(self) -> bool:
        """True when the connector and all its tasks, at least one, are RUNNING."""
        return bool(self.tasks) and all(part.state == State.RUNNING for part in (self.connector, *self.tasks))

    @property
    def traces(self) -> tuple[str, ...]:
        """The stack traces of everything that is FAILED, the connector's first."""
        return tuple(part.trace or "no trace" for part in (self.connector, *self.tasks) if part.state == State.FAILED)

    @property
    def summary(self) -> str:
        """The worst state in one word: a FAILED task makes the whole connector FAILED, no task makes it TASKLESS."""
        if self.traces:
            return State.FAILED
        if self.connector.state == State.RUNNING and not self.tasks:
            return "TASKLESS"
        return next((part.state for part in self.tasks if part.state != State.RUNNING), self.connector.state)


class ConnectorInfo(_Reply):
    """A connector as it is stored; `config` keeps `${env:…}` unresolved."""

    name: str
    config: dict[str, str]
    type: str


class ConnectorOverview(_Reply):
    """One entry of the list of connectors."""

    info: ConnectorInfo
    status: ConnectorStatus


class ValidatedValue(_Reply):
    """One key of a validated configuration."""

    name: str
    errors: tuple[str, ...] = ()


class _ValidatedKey(_Reply):
    value: ValidatedValue


class Validation(_Reply):
    """The worker's judgement of a configuration that is not applied."""

    error_count: int
    keys: tuple[_ValidatedKey, ...] = Field(alias="configs")

    @property
    def problems(self) -> tuple[tuple[str, str], ...]:
        """(key, message) of everything wrong."""
        return tuple((key.value.name, error) for key in self.keys for error in key.value.errors)


@final
class ConnectApi(HttpClient):
    """A client of the workers, which turns to another one when one is away.

    Every method raises :class:`ConnectUnreachable`, `ConnectBusy` or a `TerminalError`.

    :param url: for example `http://127.0.0.1:8083`; an `Address` names the other workers too.
    :param timeout_s: of one request; validating a source opens a database connection, so not too short.
    """

    def __init__(self, url: str, *, timeout_s: float = 30) -> None:
        super().__init__(url, timeout_s=timeout_s)
        self._others = url.others if isinstance(url, Address) else ()

    def worker(self) -> Worker:
        """GET /: the version of the worker, and of which Kafka it is."""
        return _parse(Worker, self._send("GET", "/"))

    def connectors(self) -> dict[str, ConnectorOverview]:
        """GET /connectors with info and status: all connectors in one request."""
        reply = self._send("GET", "/connectors?expand=info&expand=status")
        return _parse(dict[str, ConnectorOverview], reply)

    def plugins(self) -> frozenset[tuple[str, str]]:
        """GET /connector-plugins: the classes of the connectors that the worker can run, each with its version.

        A class that lies in several folders comes once for each version.
        """
        plugins = _parse(list[dict[str, Any]], self._send("GET", "/connector-plugins"))
        return frozenset((str(plugin["class"]), str(plugin.get("version"))) for plugin in plugins)

    def config(self, name: str) -> dict[str, str]:
        """GET /connectors/NAME/config: as stored, with `name` added by Connect."""
        return _parse(dict[str, str], self._send("GET", f"/connectors/{quote(name, safe='')}/config"))

    def status(self, name: str) -> ConnectorStatus:
        """GET /connectors/NAME/status."""
        return _parse(ConnectorStatus, self._send("GET", f"/connectors/{quote(name, safe='')}/status"))

    def validate(self, name: str, config: ConnectorConfig) -> Validation:
        """PUT /connector-plugins/CLASS/config/validate: nothing is applied, `${env:…}` is resolved by the worker.

        :param name: without which the worker finds the configuration incomplete.
        """
        plugin = quote(config["connector.class"], safe="")
        return _parse(
            Validation, self._send("PUT", f"/connector-plugins/{plugin}/config/validate", body={"name": name, **config})
        )

    def put_config(self, name: str, config: ConnectorConfig) -> ConnectorInfo:
        """PUT /connectors/NAME/config: create the connector or give it this configuration."""
        reply = self._send("PUT", f"/connectors/{quote(name, safe='')}/config", body=dict(config))
        return _parse(ConnectorInfo, reply)

    def restart(self, name: str, *, only_failed: bool = False) -> None:
        """POST /connectors/NAME/restart: the connector and its tasks, or only what is FAILED."""
        query = f"includeTasks=true&onlyFailed={str(only_failed).lower()}"
        self._send("POST", f"/connectors/{quote(name, safe='')}/restart?{query}")

    def pause(self, name: str) -> None:
        """PUT /connectors/NAME/pause: the tasks stay assigned and do nothing; outlives a restart of the worker."""
        self._send("PUT", f"/connectors/{quote(name, safe='')}/pause")

    def resume(self, name: str) -> None:
        """PUT /connectors/NAME/resume."""
        self._send("PUT", f"/connectors/{quote(name, safe='')}/resume")

    def stop(self, name: str) -> None:
        """PUT /connectors/NAME/stop: the tasks are gone, the configuration and the offsets stay; `resume` starts it."""
        self._send("PUT", f"/connectors/{quote(name, safe='')}/stop")

    def offsets(self, name: str) -> tuple[dict[str, Any], ...]:
        """GET /connectors/NAME/offsets: where it is, each as Connect keeps it (`partition` and `offset`)."""
        reply = self._send("GET", f"/connectors/{quote(name, safe='')}/offsets")
        return tuple(_parse(dict[str, list[dict[str, Any]]], reply)["offsets"])

    def delete_offsets(self, name: str) -> None:
        """DELETE /connectors/NAME/offsets: forget where it was; it must be stopped."""
        self._send("DELETE", f"/connectors/{quote(name, safe='')}/offsets")

    def delete(self, name: str) -> None:
        """DELETE /connectors/NAME: its stored offsets stay."""
        self._send("DELETE", f"/connectors/{quote(name, safe='')}")

    def _send(self, method: str, path: str, *, body: Any = None) -> requests.Response:
        for _ in self._others:
            try:
                return self._ask(method, path, body)
            except ConnectUnreachable as exc:
                # Nobody has the request then, and the next one may.
                if not was_refused(exc):
                    raise
                self._turn_to_next()
        return self._ask(method, path, body)

    def _turn_to_next(self) -> None:
        self._url, self._others = self._others[0], (*self._others[1:], self._url)

    def _ask(self, method: str, path: str, body: Any) -> requests.Response:
        try:
            reply = self._http.request(method, self._url + path, json=body, timeout=self._timeout_s)
        except requests.RequestException as exc:
            raise ConnectUnreachable(self._url, type(exc).__name__) from exc
        if not reply.ok:
            raise _error(f"{method} {self._url}{path}", reply)
        return reply


def _parse(kind: type[_Model], reply: requests.Response) -> _Model:
    try:
        parsed: _Model = _adapter(kind).validate_json(reply.content)
    except ValidationError as exc:
        first = exc.errors()[0]
        raise ConnectReplyUnknown(f"{reply.request.method} {reply.url}", first["msg"]) from exc
    return parsed


_ADAPTERS: dict[Any, TypeAdapter[Any]] = {}


def _adapter(kind: Any) -> TypeAdapter[Any]:
    """Build it once: that costs more than all parsing, and some ask every second."""
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def _error(request: str, reply: requests.Response) -> TransientError | TerminalError:
    message = _message(reply)
    # A worker that still starts answers 404 without Connect's own error body, then 5xx until it has joined its group.
    if reply.status_code == requests.codes.conflict or reply.status_code >= requests.codes.server_error:
        return ConnectBusy(request, reply.status_code, (message or reply.reason)[:_MESSAGE_LIMIT])
    if reply.status_code == requests.codes.not_found:
        return ConnectorNotFound(request, message) if message else ConnectBusy(request, 404, "still starting")
    return ConnectRefused(request, reply.status_code, message or reply.reason)


def _message(reply: requests.Response) -> str | None:
    """Return the `message` of Connect's error body, or None when the body is not Connect's."""
    try:
        body = reply.json()
    except ValueError:
        return None
    return str(body["message"]) if isinstance(body, dict) and "error_code" in body and "message" in body else None
