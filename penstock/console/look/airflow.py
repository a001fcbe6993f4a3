"""Airflow: whether it can run loads, and the newest runs with what they fetched, wrote and rejected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from penstock.config import Config
from penstock.loads.airflow_api import AirflowApi
from penstock.loads.load import TASK_ID

_RUNS = 20
_TIMEOUT_S = 5.0
"""Airflow takes its time when the machine is busy."""

_FINAL = {"success", "failed"}


@dataclass(frozen=True)
class LoadRun:
    """One run of the DAG; times are Airflow's (ISO 8601, UTC). `wanted` is None when it was not said."""

    id: str
    state: str
    started: str | None
    ended: str | None
    wanted: int | None
    seed: str | None
    fetched: int = 0
    written: int = 0
    unchanged: int = 0
    rejected: int = 0


@dataclass(frozen=True)
class AirflowState:
    """Airflow at one moment; the runs newest first."""

    database: bool
    scheduler: bool
    dag_processor: bool
    runs: tuple[LoadRun, ...]

    @property
    def ill(self) -> tuple[str, ...]:
        """Name its parts that have no heartbeat."""
        parts = {"database": self.database, "scheduler": self.scheduler, "DAG processor": self.dag_processor}
        return tuple(name for name, is_well in parts.items() if not is_well)


class AirflowCollector:
    """Asks one Airflow; a run that has ended is asked for once."""

    def __init__(self, config: Config) -> None:
        self._api, self._dag = AirflowApi(config.airflow.url, timeout_s=_TIMEOUT_S), config.names.dag
        self._ended: dict[str, LoadRun] = {}

    def collect(self) -> AirflowState:
        """Look at Airflow."""
        health = self._api.health()
        return AirflowState(
            database=health.is_database_well,
            scheduler=health.is_scheduler_well,
            dag_processor=health.is_dag_processor_well,
            runs=tuple(self._runs()),
        )

    def _runs(self) -> list[LoadRun]:
        found = self._api.newest_runs(self._dag, limit=_RUNS)
        runs = [self._ended.get(run["dag_run_id"]) or self._read(run) for run in found]
        self._ended = {run.id: run for run in runs if run.state in _FINAL}
        return runs

    def _read(self, run: dict[str, Any]) -> LoadRun:
        conf = run["conf"] or {}
        totals = self._totals(run["dag_run_id"])
        return LoadRun(
            run["dag_run_id"],
            run["state"],
            run["start_date"],
            run["end_date"],
            conf.get("users"),
            conf.get("seed"),
            **totals,
        )

    def _totals(self, run_id: str) -> dict[str, int]:
        value = self._api.xcom(self._dag, run_id, TASK_ID, key="progress") or {}
        return {name: int(value.get(name, 0)) for name in ("fetched", "written", "unchanged", "rejected")}
