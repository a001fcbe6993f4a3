"""Airflow in an environment of its own: the api-server, the scheduler (LocalExecutor) and the dag-processor."""

from __future__ import annotations

from penstock.config import Config
from penstock.stack.airflow_env import API_SERVER, DAG_PROCESSOR, MIGRATE, SCHEDULER, airflow_environment
from penstock.stack.layout import Layout
from penstock.stack.part import Part
from penstock.stack.parts.http import get_json


def airflow_migrate(config: Config, _layout: Layout) -> Part:
    """Return the one-shot that brings Airflow's metadata database up to its version."""
    return Part(
        name="airflow-migrate",
        command=MIGRATE,
        is_ready=lambda: False,  # its end is what counts
        needs=("tables",),
        environment=lambda: airflow_environment(config, api_url=config.api.url),
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


_HEALTH = {"api-server": "metadatabase", "scheduler": "scheduler", "dag-processor": "dag_processor"}
"""Airflow's command → the component that its health page reports on."""


def _server(config: Config, command: tuple[str, ...], *, needs: str, ports: dict[str, int]) -> Part:
    return Part(
        name=f"airflow-{command[1]}",
        command=command,
        is_ready=lambda: _is_healthy(config, _HEALTH[command[1]]),
        needs=(needs,),
        environment=lambda: airflow_environment(config, api_url=config.api.url),
        ports=ports,
        stop_wait_s=90,
    )


def _is_healthy(config: Config, component: str) -> bool:
    # The answer is 200 even when a component is unhealthy: only the body tells.
    health = get_json(f"{config.airflow.url}/api/v2/monitor/health") or {}
    return bool(health.get(component, {}).get("status") == "healthy")
