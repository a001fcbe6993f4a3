"""Airflow's REST API, version 2: one method per endpoint, no policy.

https://airflow.apache.org/docs/apache-airflow/stable/stable-rest-api-ref.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests

from penstock.address import Address, LetIn
from penstock.errors import TerminalError, Unreachable
from penstock.http_client import direct_session

TIMEOUT_S = 10.0
_BUILD_TIMEOUT_S = 30.0
_OUT_LOUD = ("task.stdout", "task.stderr")
_LOCKED = (requests.codes.unauthorized, requests.codes.forbidden)
_NO_JSON = "with no JSON, as a proxy or another server answers"
_WORTH_READING = ("warning", "error", "critical")


class AirflowUnreachable(Unreachable):
    """Airflow's api-server does not answer, or answers that it cannot at the moment."""

    def __init__(self, url: str, problem: str) -> None:
        advice = "\n  What to do: penstock status; penstock up, where Penstock runs it"
        super().__init__(f"Airflow does not answer at {url}: {problem}", advice=advice)


class AirflowRefused(TerminalError):
    """Airflow understood the request and refused it."""

    def __init__(self, request: str, status: int, reason: str) -> None:
        super().__init__(f"Airflow refused {request}: {status} {reason}")
        self.status = status


@dataclass(frozen=True)
class Health:
    """Which of Airflow's parts have a fresh heartbeat."""

    is_database_well: bool
    is_scheduler_well: bool
    is_dag_processor_well: bool

    @property
    def is_well(self) -> bool:
        """Return whether runs can be started and will be executed."""
        return self.is_database_well and self.is_scheduler_well and self.is_dag_processor_well


@dataclass(frozen=True)
class TaskInstance:
    """The newest try of one task of a run; `state` is Airflow's word, empty before it is scheduled."""

    state: str
    try_number: int


class AirflowApi:
    """A client of one Airflow; where its address has a user, it logs in when it is first asked to."""

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        """Speak to the Airflow at this address.

        :param url: without path, for instance `http://127.0.0.1:8080`.
        :param timeout_s: of one request.
        """
        self.url = url
        self._timeout_s = timeout_s
        self._let_in = url.let_in if isinstance(url, Address) else LetIn()
        # It takes the password for a token only.
        self._session = direct_session(Address(url, LetIn(ca_file=self._let_in.ca_file)))

    def __enter__(self) -> AirflowApi:
        """Return the client."""
        return self

    def __exit__(self, *_exc: object) -> None:
        """Close the connection."""
        self._session.close()

    def health(self) -> Health:
        """Return the health of all parts; the endpoint answers 200 also when one is unhealthy."""
        return _read_health(self._get("/monitor/health"))

    def takes_tasks(self) -> bool:
        """Return whether the API that tasks report to answers; the first call makes Airflow build it (4 s)."""
        try:
            return self._session.get(f"{self.url}/execution/health", timeout=_BUILD_TIMEOUT_S).ok
        except requests.RequestException:
            return False

    def knows_dag(self, dag_id: str) -> bool:
        """Return whether the DAG processor has stored the DAG."""
        return self._find(f"/dags/{quote(dag_id)}") is not None

    def import_errors(self) -> dict[str, str]:
        """Return the stack trace of every DAG file that cannot be imported, by file name."""
        errors = self._get("/importErrors")["import_errors"]
        return {error["filename"]: error["stack_trace"] for error in errors}

    def unpause(self, dag_id: str) -> None:
        """Let the scheduler start runs of a DAG."""
        self._send("PATCH", f"/dags/{quote(dag_id)}?update_mask=is_paused", {"is_paused": False})

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Start a run; returns its id.

        :raises AirflowRefused: 400 with the reason when a parameter is out of its bounds.
        """
        # logical_date must be there, and null means "now, by hand".
        run = self._send("POST", f"/dags/{quote(dag_id)}/dagRuns", {"logical_date": None, "conf": conf})
        return str(run["dag_run_id"])

    def newest_runs(self, dag_id: str, *, limit: int) -> list[dict[str, Any]]:
        """Return the newest runs, in Airflow's words."""
        path = f"/dags/{quote(dag_id)}/dagRuns?order_by=-run_after&limit={limit}"
        return list(self._get(path)["dag_runs"])

    def successful_runs(self, dag_id: str) -> list[dict[str, Any]]:
        """Return the parameters of the newest runs that succeeded, 100 at most."""
        path = f"/dags/{quote(dag_id)}/dagRuns?state=success&order_by=-start_date&limit=100"
        return [run["conf"] or {} for run in self._get(path)["dag_runs"]]

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return queued, running, success or failed."""
        return str(self._get(_run_path(dag_id, run_id))["state"])

    def task_instance(self, dag_id: str, run_id: str, task_id: str) -> TaskInstance:
        """Return where one task of a run is."""
        content = self._find(_task_path(dag_id, run_id, task_id)) or {"state": None, "try_number": 0}
        return TaskInstance(content["state"] or "", content["try_number"])

    def xcom(self, dag_id: str, run_id: str, task_id: str, *, key: str) -> dict[str, Any] | None:
        """Return what a task handed over under a key; None = nothing yet."""
        entry = self._find(f"{_task_path(dag_id, run_id, task_id)}/xcomEntries/{quote(key)}")
        return entry["value"] if entry else None

    def task_log(self, dag_id: str, run_id: str, task_id: str, *, try_number: int) -> list[str]:
        """Return what the task itself printed, its warnings and errors; Airflow's own chatter is left out."""
        content = self._get(f"{_task_path(dag_id, run_id, task_id)}/logs/{try_number}")["content"]
        return [line for event in content if isinstance(event, dict) for line in _lines_of(event)]

    def _get(self, path: str) -> Any:
        return self._send("GET", path, None)

    def _find(self, path: str) -> Any | None:
        try:
            return self._get(path)
        except AirflowRefused as exc:
            if exc.status == requests.codes.not_found:
                return None
            raise

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        url = f"{self.url}/api/v2{path}"
        try:
            return self._ask(method, url, body)
        except AirflowRefused as exc:
            if exc.status != requests.codes.unauthorized or self._let_in.user is None:
                raise
        self._log_in(self._let_in.user)
        return self._ask(method, url, body)

    def _log_in(self, user: str) -> None:
        """Get a token, which is good for a day."""
        login = {"username": user, "password": self._let_in.password}
        token = self._ask("POST", f"{self.url}/auth/token", login)["access_token"]
        self._session.headers["Authorization"] = f"Bearer {token}"

    def _ask(self, method: str, url: str, body: dict[str, Any] | None) -> Any:
        try:
            answer = self._session.request(
                method, url, json=body, timeout=self._timeout_s, headers={"Accept": "application/json"}
            )
        except requests.RequestException as exc:
            raise AirflowUnreachable(self.url, _innermost(exc)) from exc
        status, content = answer.status_code, _content(answer)
        problem = _NO_JSON if content is None else _detail(content)
        if status >= requests.codes.internal_server_error or (content is None and status not in _LOCKED):
            raise AirflowUnreachable(self.url, f"{status} to {method} {url} {problem}")
        if status >= requests.codes.bad_request:
            raise AirflowRefused(f"{method} {url}", status, problem)
        return content


def _content(answer: requests.Response) -> dict[str, Any] | None:
    """Return the object that every answer of Airflow is; None where something else answered."""
    try:
        found = answer.json()
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _innermost(exc: BaseException) -> str:
    """Return the first cause: requests wraps `Connection refused` several times."""
    while (inner := exc.__cause__ or exc.__context__) is not None:
        exc = inner
    return str(exc) or type(exc).__name__


def _run_path(dag_id: str, run_id: str) -> str:
    return f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}"


def _task_path(dag_id: str, run_id: str, task_id: str) -> str:
    return f"{_run_path(dag_id, run_id)}/taskInstances/{quote(task_id)}"


def _read_health(content: dict[str, Any]) -> Health:
    """Read the answer of `/monitor/health`."""
    return Health(*(_is_healthy(content, part) for part in ("metadatabase", "scheduler", "dag_processor")))


def _is_healthy(content: dict[str, Any], part: str) -> bool:
    return bool((content.get(part) or {}).get("status") == "healthy")


def _lines_of(event: dict[str, Any]) -> list[str]:
    details = event.get("error_detail") or []
    if event.get("logger") not in _OUT_LOUD and event.get("level") not in _WORTH_READING:
        return []
    return [str(event.get("event", "")), *(f"{detail['exc_type']}: {detail['exc_value']}" for detail in details)]


def _detail(content: dict[str, Any]) -> str:
    return str(content.get("detail", content))
