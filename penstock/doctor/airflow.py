"""Airflow: whether its parts are well and the loader's DAG is there."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.config import Config
from penstock.doctor.finding import Finding, ok, stops
from penstock.loads.airflow_api import AirflowApi, Health


def examine(config: Config) -> Iterator[Finding]:
    """Look at Airflow.

    :raises AirflowUnreachable, AirflowRefused: nobody answers, or lets us in.
    """
    with AirflowApi(config.airflow.url) as api:
        health, knows_dag = api.health(), api.knows_dag(config.names.dag)
    yield from judge(health, config.names.dag, knows_dag=knows_dag)


def judge(health: Health, dag: str, *, knows_dag: bool) -> Iterator[Finding]:
    """Judge what it says."""
    parts = (
        (health.is_database_well, "its metadata database is not well", "airflow db check"),
        (health.is_scheduler_well, "its scheduler has no fresh heartbeat", "start or restart: airflow scheduler"),
        (health.is_dag_processor_well, "its DAG processor has no fresh heartbeat", "start: airflow dag-processor"),
    )
    wrong = [stops(what, cure) for is_well, what, cure in parts if not is_well]
    wrong += [] if knows_dag else [lacks_dag(dag)]
    yield from wrong or [ok(f"its parts are well, DAG {dag} is there")]


def lacks_dag(dag: str) -> Finding:
    """Say that it does not know the loader's DAG."""
    return stops(f"it has no DAG {dag}", "give it airflow/dags and airflow/ingest of this clone")
