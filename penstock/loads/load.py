"""One load of users: starts the DAG run and follows it to its end, through restarts of Airflow."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from penstock.errors import TerminalError
from penstock.loads.airflow_api import AirflowApi, AirflowUnreachable, TaskInstance

TASK_ID = "load"
PAGE_SIZE = 500
DEFAULT_SEED = "penstock"
POLL_S = 0.5
AWAY_MAX_S = 90.0
"""So long may Airflow be away in the middle of a run: its supervisor restarts what died in less."""

_LAST_LINES = 10


class DagMissing(TerminalError):
    """Airflow runs, but has no DAG to load users with."""

    def __init__(self, api: AirflowApi, dag: str, errors: dict[str, str]) -> None:
        listed = "".join(f"\n  {file}:\n{_indent(trace.splitlines())}" for file, trace in errors.items())
        super().__init__(f"Airflow at {api.url} has no DAG {dag}{listed or ': it found no such file'}")


class LoadFailed(TerminalError):
    """A run of the DAG failed, after its own retries; what it had loaded stays."""

    def __init__(self, run: Run, log: list[str]) -> None:
        said = _indent(log[-_LAST_LINES:]) or "    (nothing: the task did not start; the scheduler's log may say why)"
        super().__init__(
            f"the load failed: {run.page}\n  The last lines of the task's log:\n{said}\n"
            "  What was loaded before stays; a new load writes only what is missing."
        )


class LoadStalled(TerminalError):
    """Nobody is there to execute the run."""

    def __init__(self, run: Run, problem: str) -> None:
        super().__init__(f"the load does not go on: {problem}\n  The run: {run.page}\n  What to do: penstock status")


@dataclass(frozen=True)
class Run:
    """One run of the DAG; `users` is what it was asked to load."""

    id: str
    users: int
    page: str
    """Its page in Airflow."""
    dag: str


@dataclass(frozen=True)
class Progress:
    """How far a run is. A retry starts from zero again, quickly: what is there already is not written twice."""

    state: str
    """queued, running, up_for_retry, success or failed."""
    try_number: int
    fetched: int = 0
    written: int = 0
    unchanged: int = 0
    rejected: int = 0


@dataclass(frozen=True)
class LoadResult:
    """What the last try of a run did; `fetched` = `written` + `unchanged` + `rejected`."""

    run_id: str
    fetched: int
    written: int
    unchanged: int
    rejected: int


def trigger_load(
    api: AirflowApi,
    dag: str,
    *,
    users: int,
    seed: str = DEFAULT_SEED,
    api_url: str | None = None,
) -> Run:
    """Start loading the first `users` users of a seed.

    :param dag: of the installation.
    :param api_url: where users come from; None = the address of Airflow's connection, the stand-in.
    :raises AirflowUnreachable: when Airflow does not answer.
    :raises AirflowRefused: when a parameter is out of the DAG's bounds.
    :raises DagMissing: with the import error, if that is why.
    """
    if not api.knows_dag(dag):
        raise DagMissing(api, dag, api.import_errors())
    api.unpause(dag)
    run_id = api.trigger(dag, {"users": users, "page_size": PAGE_SIZE, "seed": seed, "api_url": api_url})
    return Run(run_id, users, f"{api.url}/dags/{dag}/runs/{run_id}", dag)


def follow(
    api: AirflowApi,
    run: Run,
    *,
    on_progress: Callable[[Progress], None] = lambda _progress: None,
    away_max_s: float = AWAY_MAX_S,
) -> LoadResult:
    """Wait for the end of a run.

    :param on_progress: called about twice a second, and with the final state.
    :param away_max_s: how long Airflow or its scheduler may be away without a pause.
    :raises LoadFailed: with the last lines of the task's log.
    :raises LoadStalled: when Airflow stays away for longer.
    """
    patience = _Patience(run, away_max_s)
    while True:
        try:
            patience.see(_illness(api))
            progress = _progress(api, run)
            on_progress(progress)
            if progress.state == "success":
                return _result(api, run)
            if progress.state == "failed":
                raise LoadFailed(run, _log(api, run, progress.try_number))
        except AirflowUnreachable as exc:
            patience.see(str(exc))
        time.sleep(POLL_S)


class _Patience:
    """Remembers since when Airflow has been unhealthy without a pause."""

    def __init__(self, run: Run, away_max_s: float) -> None:
        self._run = run
        self._away_max_s = away_max_s
        self._well_at = time.monotonic()

    def see(self, illness: str | None) -> None:
        if illness is None:
            self._well_at = time.monotonic()
        elif time.monotonic() - self._well_at > self._away_max_s:
            raise LoadStalled(self._run, illness)


def _illness(api: AirflowApi) -> str | None:
    health = api.health()
    return None if health.is_database_well and health.is_scheduler_well else "Airflow's scheduler has no heartbeat"


def _progress(api: AirflowApi, run: Run) -> Progress:
    # The state first: what is read after "success" is final.
    run_state = api.run_state(run.dag, run.id)
    task = api.task_instance(run.dag, run.id, TASK_ID)
    totals = api.xcom(run.dag, run.id, TASK_ID, key="progress") or {}
    return Progress(_state(run_state, task), task.try_number, **totals)


def _state(run_state: str, task: TaskInstance) -> str:
    return task.state if run_state == "running" and task.state == "up_for_retry" else run_state


def _result(api: AirflowApi, run: Run) -> LoadResult:
    totals: dict[str, Any] | None = api.xcom(run.dag, run.id, TASK_ID, key="return_value")
    if totals is None:
        raise LoadFailed(run, ["the run succeeded but its task left no result"])
    return LoadResult(run.id, **totals)


def _log(api: AirflowApi, run: Run, try_number: int) -> list[str]:
    return api.task_log(run.dag, run.id, TASK_ID, try_number=try_number) if try_number else []


def _indent(lines: list[str]) -> str:
    return "\n".join(f"    {line}" for line in lines)
