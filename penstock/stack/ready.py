"""Ask one part by its own protocol whether it answers: the health check of its container.

`python -m penstock.stack.ready PART` ends with 0 when it does. It loads that part alone: a health check runs all day.
"""

from __future__ import annotations

import sys
from importlib import import_module

from penstock.config import Config, load_config
from penstock.errors import PenstockError
from penstock.instances import number_of
from penstock.layout import Layout
from penstock.stack.part import Part

BUILDERS = {
    "api": "randomuser:randomuser",
    "postgres": "postgres:postgres",
    "airflow-migrate": "airflow:airflow_migrate",
    "airflow-api-server": "airflow:airflow_api_server",
    "airflow-scheduler": "airflow:airflow_scheduler",
    "airflow-dag-processor": "airflow:airflow_dag_processor",
    "zookeeper": "zookeeper:zookeeper",
    "kafka": "kafka:kafka",
    "registry": "registry:registry",
    "connect": "connect:connect",
    "connect-watcher": "connect_watcher:connect_watcher",
    "spark-master": "spark:spark_master",
    "spark-worker": "spark:spark_worker",
    "views": "spark:views_job",
    "aggregates": "spark:aggregates_job",
    "cassandra": "cassandra:cassandra",
    "console": "console:console",
}
"""Part → the module of penstock.stack.parts and the function in it that builds the part."""


def part_of(config: Config, name: str) -> Part:
    """Build the part of this name alone."""
    kind, number = number_of(name)
    module, _, builder = BUILDERS[kind].partition(":")
    build = getattr(import_module(f"penstock.stack.parts.{module}"), builder)
    part: Part = build(config, Layout.of(config), **({"number": number} if number > 1 else {}))
    return part


def main() -> None:
    """Ask; an error is said in one line."""
    part = part_of(load_config(), sys.argv[1])
    try:
        is_ready = part.is_ready()
    except PenstockError as exc:
        sys.exit(str(exc))
    sys.exit(0 if is_ready else f"{part.name} does not answer")


if __name__ == "__main__":
    main()
