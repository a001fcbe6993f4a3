"""The processes of the stack, as the supervisor and the operating system know them."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass

from penstock.config import Config
from penstock.instances import SECTIONS, name_of
from penstock.layout import Layout
from penstock.sections.kafka import KafkaMode
from penstock.stack.mode import mode_of
from penstock.stack.processes import memory_mb
from penstock.stack.supervisor import Supervisor

_NOT_BY_PORT = {"spark-worker"}
"""In which containers they run, the master knows, not the configuration."""

# The kernel counts the pages of a large process for that: not every second.
_MEASURE_EVERY_S = 300.0


@dataclass(frozen=True)
class PartState:
    """One process; `started_at` in seconds since 1970, 0 while it does not run."""

    name: str
    state: str
    pid: int
    started_at: int
    memory_mb: float
    address: str

    @property
    def runs(self) -> bool:
        """Return whether its process is there."""
        return self.state == "RUNNING"


class PartsCollector:
    """Asks the supervisor of one stack."""

    def __init__(self, config: Config) -> None:
        self._supervisor = Supervisor(Layout.of(config)) if config.supervised else None
        self._addresses = _addresses(config)
        self._afar = {*self._addresses} - _NOT_BY_PORT - _absent(config)
        self._theirs = {name for name in self._afar if not _is_managed(config, name)}
        self._memory: dict[int, float] = {}
        self._measured_at = 0.0

    def collect(self) -> dict[str, PartState]:
        """Return every part by name.

        :raises SupervisorUnreachable: when it does not answer.
        """
        if self._supervisor is None:
            return {name: _seen_from_afar(name, at) for name, at in self._addresses.items() if name in self._afar}
        theirs = {name: _seen_from_afar(name, self._addresses[name]) for name in self._theirs}
        states = self._supervisor.states()
        running = [state.pid for state in states.values() if state.state == "RUNNING"]
        self._measure(running)
        return theirs | {
            name: PartState(
                name=name,
                state=state.state,
                pid=state.pid if state.state == "RUNNING" else 0,
                started_at=state.started_at_s if state.state == "RUNNING" else 0,
                memory_mb=self._memory.get(state.pid, 0.0) if state.state == "RUNNING" else 0.0,
                address=self._addresses.get(name, ""),
            )
            for name, state in states.items()
            if state.state != "EXITED" or state.exit_code  # one that ran once, to its end
        }

    def _measure(self, pids: list[int]) -> None:
        """Measure all of them now and then, and at once those that are new."""
        is_due = time.monotonic() - self._measured_at > _MEASURE_EVERY_S
        known = {} if is_due else self._memory
        self._memory = {pid: known[pid] if pid in known else memory_mb(pid) for pid in pids}
        if is_due:
            self._measured_at = time.monotonic()


def _is_managed(config: Config, part: str) -> bool:
    return bool(getattr(getattr(config, part.split("-", maxsplit=1)[0], None), "managed", True))


def _absent(config: Config) -> set[str]:
    """Name the parts that this stack has none of."""
    zookeeper = set() if mode_of(config) is KafkaMode.ZOOKEEPER else {"zookeeper"}
    return zookeeper | (set() if config.airflow.enabled else {"api", "airflow-api-server"})


def _addresses(config: Config) -> dict[str, str]:
    """Say where the parts listen. The stack's own list would bring the views along, and with them Spark's types."""
    kafka, spark, cassandra = config.kafka, config.spark, config.cassandra
    controller = (kafka.controller_port,) if mode_of(config) is KafkaMode.KRAFT else ()
    places = {
        "api": (config.api, (config.api.port,)),
        "postgres": (config.postgres, (config.postgres.port,)),
        "airflow-api-server": (config.airflow, (config.airflow.port,)),
        "zookeeper": (config.zookeeper, (config.zookeeper.port,)),
        "kafka": (kafka, (kafka.port, *controller)),
        "registry": (config.registry, (config.registry.port,)),
        "connect": (config.connect, (config.connect.port,)),
        "spark-master": (spark, (spark.master_port, spark.master_ui_port)),
        "spark-worker": (spark, (spark.worker_port, spark.worker_ui_port)),
        "cassandra": (cassandra, (cassandra.port, cassandra.storage_port)),
        "console": (config.console, (config.console.port,)),
    }
    hosts = {kind: (section.host,) for kind, (section, _) in places.items()}
    hosts |= {kind: getattr(config, section).own_hosts for kind, section in SECTIONS.items()}
    return {
        name_of(kind, number): ", ".join(f"{host}:{port}" for port in ports)
        for kind, (_, ports) in places.items()
        for number, host in enumerate(hosts[kind], start=1)
    }


def _seen_from_afar(name: str, address: str) -> PartState:
    """Say of a part whose process is not ours whether its first port takes a connection."""
    host, port = address.split(", ")[0].rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return PartState(name, "STOPPED", pid=0, started_at=0, memory_mb=0.0, address=address)
    return PartState(name, "RUNNING", pid=0, started_at=0, memory_mb=0.0, address=address)
