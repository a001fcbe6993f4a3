"""Snapshot of all that the console knows at one moment, as pages, API, alerts and metrics read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock.console.look.airflow import AirflowState
from penstock.console.look.cassandra import CassandraState
from penstock.console.look.connect import ConnectorView
from penstock.console.look.declared import Declared
from penstock.console.look.ends import End
from penstock.console.look.kafka import GroupState, KafkaState
from penstock.console.look.parts import PartState
from penstock.console.look.postgres import PostgresState
from penstock.console.look.reading import Reading
from penstock.console.look.registry import Subject
from penstock.console.look.source_api import ApiState
from penstock.console.look.spark import SparkState
from penstock.installation import Names
from penstock.offsets import Place

OF_LOADS = ("api", "airflow")
"""The readings of what is only there for loads."""


@dataclass(frozen=True)
class KafkaView:
    """Kafka and the ends of the topics that are followed."""

    cluster: KafkaState
    ends: Mapping[Place, End]


@dataclass(frozen=True)
class Snapshot:
    """A reading of each system, and what the repository declares."""

    at: float
    declared: Reading[Declared]
    parts: Reading[dict[str, PartState]]
    api: Reading[ApiState]
    airflow: Reading[AirflowState]
    postgres: Reading[PostgresState]
    connect: Reading[dict[str, ConnectorView]]
    kafka: Reading[KafkaView]
    groups: Reading[dict[str, GroupState]]
    registry: Reading[dict[str, Subject]]
    spark: Reading[SparkState]
    cassandra: Reading[CassandraState]
    names: Names = field(default_factory=Names)
    sources: tuple[Names, ...] = (Names(),)
    """The names of each source database in use."""
    shares_connect: bool = False
    """Whether Kafka Connect runs connectors of others, too."""

    has_loads: bool = True
    """Whether Airflow is in use (`airflow.enabled`)."""

    @property
    def readings(self) -> tuple[Reading[object], ...]:
        """Every reading of a system in use."""
        unused = () if self.has_loads else OF_LOADS
        found = ((name, value) for name, value in vars(self).items() if name not in unused)
        return tuple(value for _, value in found if isinstance(value, Reading))

    @property
    def away(self) -> dict[str, str]:
        """The systems that cannot be looked at, each with the reason."""
        away = {reading.source: reading.trouble for reading in self.readings if reading.trouble}
        further = self.postgres.now.away if self.postgres.now else {}
        return away | {f"Postgres of {source}": why for source, why in further.items()}

    @property
    def known(self) -> Declared:
        """What is declared, as far as it could be read."""
        return self.declared.value or Declared()

    @property
    def connectors(self) -> tuple[ConnectorView, ...]:
        """Our connectors, as far as they are known now: in a Connect of others those that are declared here."""
        known = (self.connect.now or {}).values()
        declared = {
            *self.of_pipeline("source"),
            *self.of_pipeline("sink"),
            *(file.name for file in self.known.connectors),
        }
        return tuple(each for each in known if not self.shares_connect or each.name in declared)

    def of_pipeline(self, kind: str) -> tuple[str, ...]:
        """Name the connectors that carry rows to Cassandra: those of the sources, or the sink."""
        return tuple(each.source_connector for each in self.sources) if kind == "source" else (self.names.sink,)

    def source_key(self, table: str) -> tuple[str, ...]:
        """Return the primary key of a source table; empty when it has none, or Postgres was never seen."""
        tables = self.postgres.value.tables if self.postgres.value else ()
        return next((each.primary_key for each in tables if each.name == table), ())

    def key_types(self, table: str) -> dict[str, str]:
        """Return the primary key of a source table, in order, with its types; empty when nobody knows."""
        tables = self.postgres.value.tables if self.postgres.value else ()
        found = next((each for each in tables if each.name == table), None)
        return dict(zip(found.primary_key, found.key_types, strict=False)) if found else {}

    def kind_of(self, topic: str) -> str:
        """Say what a topic is for: change, view, dead letters or internal."""
        if topic in self.known.source_topics:
            return "change"
        if topic in self.names.dead_letter_topics:
            return "dead letters"
        return "view" if self.known.view_of(topic) else "internal"
