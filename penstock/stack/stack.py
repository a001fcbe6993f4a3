"""The whole stack as one list: its parts and steps, and what each needs. Read it to see the architecture."""

from __future__ import annotations

from collections.abc import Mapping

from penstock.config import Config, KafkaMode
from penstock.layout import Layout
from penstock.stack.mode import mode_of
from penstock.stack.part import Part
from penstock.stack.parts.airflow import airflow_api_server, airflow_dag_processor, airflow_migrate, airflow_scheduler
from penstock.stack.parts.cassandra import cassandra
from penstock.stack.parts.connect import connect
from penstock.stack.parts.connect_watcher import connect_watcher
from penstock.stack.parts.console import console
from penstock.stack.parts.kafka import kafka
from penstock.stack.parts.kafka_zookeeper import kafka_zookeeper
from penstock.stack.parts.postgres import postgres
from penstock.stack.parts.randomuser import randomuser
from penstock.stack.parts.registry import registry
from penstock.stack.parts.spark import aggregates_job, spark_master, spark_worker, views_job
from penstock.stack.parts.zookeeper import zookeeper
from penstock.stack.theirs import as_declared

_AIRFLOW = (airflow_migrate, airflow_api_server, airflow_scheduler, airflow_dag_processor)


def parts(config: Config) -> list[Part]:
    """Return every process of the stack, sources first; for one that others run, what stands for it."""
    layout = Layout.of(config)
    builders = (
        *((randomuser,) if config.airflow.enabled else ()),
        postgres,
        *(_AIRFLOW if config.airflow.enabled else ()),
        *((zookeeper, kafka_zookeeper) if mode_of(config) is KafkaMode.ZOOKEEPER else (kafka,)),
        registry,
        connect,
        *([connect_watcher] if config.connect.watch else []),
        spark_master,
        spark_worker,
        views_job,
        aggregates_job,
        cassandra,
        *([console] if config.console.enabled else []),
    )
    declared = [as_declared(config, build(config, layout)) for build in builders]
    return [part for part in declared if not (part.elsewhere and part.one_shot)]


STEPS: Mapping[str, tuple[str, ...]] = {
    # Before the tables: the source writes to the topic of a table as soon as it is published.
    "topics": ("kafka",),
    "tables": ("postgres",),
    "subjects": ("registry",),
    "keyspace": ("cassandra",),
    "connectors": ("connect", "registry", "tables", "topics", "subjects", "keyspace"),
}
"""The steps of the set-up, and what each needs; `penstock/setup/steps.py` takes them."""


def ports(config: Config) -> dict[str, int]:
    """Return every port that the stack listens on, by configuration key."""
    return {key: port for part in parts(config) for key, port in part.ports.items()}
