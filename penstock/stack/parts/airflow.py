"""Airflow in an environment of its own: the api-server, the scheduler (LocalExecutor) and the dag-processor."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

from penstock.clone import ROOT
from penstock.config import Config
from penstock.layout import Layout
from penstock.stack.build import AIRFLOW
from penstock.stack.part import Part
from penstock.stack.parts.airflow_env import API_SERVER, DAG_PROCESSOR, MIGRATE, SCHEDULER, airflow_environment

if TYPE_CHECKING:
    from penstock.loads.airflow_api import AirflowApi

_NICE = 15
"""Airflow takes a processor for half a minute when it starts; the rows that flow already should not wait for it."""


def airflow_migrate(config: Config, _layout: Layout) -> Part:
    """Return the one-shot that brings Airflow's metadata database up to its version, once for each lock file."""
    lock, done = ROOT / "airflow" / "requirements.lock", config.state_dir / "airflow" / "migrated.lock"
    remember = f"{shlex.join(MIGRATE)} && cp {shlex.quote(str(lock))} {shlex.quote(str(done))}"
    return Part(
        name="airflow-migrate",
        command=("sh", "-c", remember),
        is_ready=lambda: done.exists() and done.read_bytes() == lock.read_bytes(),
        needs=("tables",),
        environment=lambda: airflow_environment(config, api_url=config.api.url),
        nice=_NICE,
        one_shot=True,
    )


def airflow_api_server(config: Config, _layout: Layout) -> Part:
    """Return the api-server; tasks report through it, so it starts first and stops last."""
    ports = {"airflow.port": config.airflow.port}
    return _server(config, API_SERVER, needs="airflow-migrate", ports=ports)


def airflow_scheduler(config: Config, _layout: Layout) -> Part:
    """Return the scheduler, which runs the tasks; its stop waits for a task that runs."""
    return _server(config, SCHEDULER, needs="airflow-api-server", ports={})


def airflow_dag_processor(config: Config, _layout: Layout) -> Part:
    """Return the dag-processor, which reads airflow/dags."""
    return _server(config, DAG_PROCESSOR, needs="airflow-api-server", ports={})


_IS_READY: dict[str, Callable[[AirflowApi, str], bool]] = {
    # Airflow builds the API that tasks report to when it is first asked: ask before the first task does.
    "api-server": lambda api, _: api.health().is_database_well and api.takes_tasks(),
    "scheduler": lambda api, _: api.health().is_scheduler_well,
    "dag-processor": lambda api, dag: api.knows_dag(dag),
}


def _server(config: Config, command: tuple[str, ...], *, needs: str, ports: dict[str, int]) -> Part:
    return Part(
        name=f"airflow-{command[1]}",
        command=command,
        is_ready=lambda: _answers(config, _IS_READY[command[1]]),
        needs=(needs,),
        # What changes in Postgres should reach Cassandra soon after a start; new rows can be loaded later.
        starts_after=("aggregates",),
        nice=_NICE,
        environment=lambda: airflow_environment(config, api_url=config.api.url),
        host=config.airflow.host,
        runs=AIRFLOW,
        ports=ports,
        stop_wait_s=90,
    )


def _answers(config: Config, check: Callable[[AirflowApi, str], bool]) -> bool:
    from penstock.loads.airflow_api import AirflowApi, AirflowRefused, AirflowUnreachable

    try:
        with AirflowApi(config.airflow.url) as api:
            return check(api, config.names.dag)
    except (AirflowUnreachable, AirflowRefused):
        return False
