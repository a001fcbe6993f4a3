"""The whole stack as one list: its parts and steps, and what each needs. Read it to see the architecture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from penstock.config import Config
from penstock.instances import SECTIONS, name_of
from penstock.layout import Layout
from penstock.sections.kafka import KafkaMode
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
from penstock.stack.ports import Door
from penstock.stack.theirs import as_declared

_AIRFLOW = (airflow_migrate, airflow_api_server, airflow_scheduler, airflow_dag_processor)


def parts(config: Config) -> list[Part]:
    """Return every process of the stack, sources first; for one that others run, what stands for it."""
    layout = Layout.of(config)
    builders: Sequence[Callable[..., Part]] = (
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
    built = (part for build in builders for part in _instances(config, layout, build))
    declared = [as_declared(config, part) for part in built]
    return [part for part in declared if not (part.elsewhere and part.one_shot)]


_SEVERAL: Mapping[Callable[..., Part], str] = {
    kafka: "kafka",
    connect: "connect",
    spark_worker: "spark-worker",
    cassandra: "cassandra",
}


def _instances(config: Config, layout: Layout, build: Callable[..., Part]) -> Iterator[Part]:
    """Build each instance; what needs one of a kind needs all of them to start."""
    for number in range(1, _count(config, _SEVERAL.get(build, "")) + 1):
        part = build(config, layout, **({"number": number} if number > 1 else {}))
        needs, used = all_of(config, part.needs), all_of(config, part.stops_before)
        # How it is started is of its code, too.
        runs = (*part.runs, Path(build.__code__.co_filename).resolve())
        yield replace(part, needs=needs, stops_before=used, runs=runs)


def all_of(config: Config, kinds: Sequence[str]) -> tuple[str, ...]:
    """Name every instance of these parts; steps and parts of which there is one stay as they are."""
    return tuple(name_of(kind, number) for kind in kinds for number in range(1, _count(config, kind) + 1))


def _count(config: Config, kind: str) -> int:
    section = SECTIONS.get(kind)
    return getattr(config, section).count if section else 1


STEPS: Mapping[str, tuple[str, ...]] = {
    # Before all others: where a later version was, nothing may change.
    "form": ("postgres",),
    # Before the tables: the source writes to the topic of a table as soon as it is published.
    "topics": ("kafka", "form"),
    "tables": ("postgres", "form"),
    "subjects": ("registry", "form"),
    "keyspace": ("cassandra", "form"),
    "connectors": ("connect", "registry", "tables", "topics", "subjects", "keyspace"),
}
"""The steps of the set-up, and the kinds of parts that each needs; `penstock/setup/steps.py` takes them."""


def step_needs(config: Config) -> dict[str, tuple[str, ...]]:
    """Return what each step needs in this stack."""
    return {name: all_of(config, needs) for name, needs in STEPS.items()}


def doors(config: Config) -> list[Door]:
    """Return every port that the stack listens on."""
    return [Door(key, port, part.host) for part in parts(config) for key, port in part.ports.items()]
