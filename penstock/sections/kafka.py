"""The brokers, and ZooKeeper where they are registered in it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from penstock.brokers import Brokers
from penstock.sections.part import MOST, PartSection, Port, Server, absolute, copies_of, most_of


class KafkaMode(StrEnum):
    """Who keeps the broker's metadata."""

    KRAFT = "kraft"
    ZOOKEEPER = "zookeeper"


class Kafka(PartSection):
    """The brokers; `partitions` is per CDC and view topic. Data that began in one mode is never opened in the other.

    Of several brokers each record has up to three copies, and is acknowledged when all but one have it.
    `host_port` is a second door, for clients that know the broker as 127.0.0.1 only: those outside of its container.
    Where others run it, `bootstrap_servers` are several brokers to start from, in place of `host` and `port`.
    `properties_file` has the properties of Java's clients that let ours in. `metrics_port` shows MBeans to Prometheus.
    """

    of_others: ClassVar[tuple[str, ...]] = ("bootstrap_servers", "properties_file")

    mode: KafkaMode = KafkaMode.KRAFT
    brokers: int = Field(1, ge=1, le=MOST)
    port: Port = 9092
    host_port: Port | None = None
    controller_port: Port = 9093
    metrics_port: Port | None = None
    heap_mb: int = Field(512, ge=256)
    partitions: int = Field(1, ge=1)
    replication_factor: int = Field(default_factory=lambda given: copies_of(given.get("brokers", 1)), ge=1)
    min_insync_replicas: int = Field(default_factory=lambda given: most_of(given.get("replication_factor", 1)), ge=1)
    bootstrap_servers: str | None = None
    properties_file: Path | None = None

    @property
    def problems(self) -> list[str]:
        """What nobody could write to: checked last, since a profile may give more brokers."""
        least, copies = self.min_insync_replicas, self.replication_factor
        if not self.managed or least <= copies <= self.brokers:
            return []
        said = f"min_insync_replicas {least}, replication_factor {copies}, brokers {self.brokers}"
        return [f"kafka: {said}: the first may not exceed the second, nor the second the third"]

    @property
    def address(self) -> str:
        """Where it is reached, for people."""
        return self.bootstrap

    @property
    def count(self) -> int:
        """How many brokers Penstock runs."""
        return self.brokers

    @property
    def bootstrap(self) -> Brokers:
        """The address clients start from, and how they are let in."""
        own = ",".join(f"{host}:{self.port}" for host in self.own_hosts)
        return Brokers(self.bootstrap_servers or own, absolute(self.properties_file))


class ZooKeeper(Server):
    """ZooKeeper, which runs when the mode of Kafka is "zookeeper"."""

    port: Port = 2181
    heap_mb: int = Field(128, ge=64)

    @property
    def address(self) -> str:
        """Where the broker finds it."""
        return f"{self.host}:{self.port}"
