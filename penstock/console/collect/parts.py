"""The processes of the stack, as the supervisor and the operating system know them."""

from __future__ import annotations

import time
from dataclasses import dataclass

from penstock.config import Config, KafkaMode
from penstock.stack.layout import Layout
from penstock.stack.mode import mode_of
from penstock.stack.processes import memory_mb
from penstock.stack.supervisor import Supervisor

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
        """Tell whether its process is there."""
        return self.state == "RUNNING"


class PartsCollector:
    """Asks the supervisor of one stack."""

    def __init__(self, config: Config) -> None:
        self._supervisor = Supervisor(Layout.of(config))
        self._addresses = _addresses(config)
        self._memory: dict[int, float] = {}
        self._measured_at = 0.0

    def collect(self) -> dict[str, PartState]:
        """Return every part by name.

        :raises SupervisorAway: when it does not answer.
        """
        states = self._supervisor.states()
        running = [state.pid for state in states.values() if state.state == "RUNNING"]
        self._measure(running)
        return {
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


def _addresses(config: Config) -> dict[str, str]:
    """Say where the parts listen. The stack's own list would bring the views along, and with them Spark's types."""
    controller = (config.kafka.controller_port,) if mode_of(config) is KafkaMode.KRAFT else ()
    ports = {
        "api": (config.api.port,),
        "postgres": (config.postgres.port,),
        "airflow-api-server": (config.airflow.port,),
        "zookeeper": (config.zookeeper.port,),
        "kafka": (config.kafka.port, *controller),
        "registry": (config.registry.port,),
        "connect": (config.connect.port,),
        "spark-master": (config.spark.master_port, config.spark.master_ui_port),
        "spark-worker": (config.spark.worker_port, config.spark.worker_ui_port),
        "cassandra": (config.cassandra.port, config.cassandra.storage_port),
        "console": (config.console.port,),
    }
    return {name: ", ".join(f"127.0.0.1:{port}" for port in of) for name, of in ports.items()}
