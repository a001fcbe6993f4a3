"""The processes of the stack, as the supervisor and the operating system know them."""

from __future__ import annotations

import time
from dataclasses import dataclass

from penstock.config import Config
from penstock.stack import stack
from penstock.stack.layout import Layout
from penstock.stack.processes import memory_mb
from penstock.stack.supervisor import Supervisor

# Measuring reads a file of the kernel for each process: not every second.
_MEASURE_EVERY_S = 30.0


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
        lasting = [part for part in stack.parts(config) if not part.one_shot]
        self._addresses = {
            part.name: ", ".join(f"127.0.0.1:{port}" for port in part.ports.values()) for part in lasting
        }
        self._memory: dict[int, float] = {}
        self._measured_at = 0.0

    def collect(self) -> dict[str, PartState]:
        """Return every part by name.

        :raises SupervisorAway: when it does not answer.
        """
        states = self._supervisor.states()
        running = [state.pid for state in states.values() if state.state == "RUNNING"]
        if time.monotonic() - self._measured_at > _MEASURE_EVERY_S or any(pid not in self._memory for pid in running):
            self._memory = {pid: memory_mb(pid) for pid in running}
            self._measured_at = time.monotonic()
        return {
            name: PartState(
                name=name,
                state=state.state,
                pid=state.pid if state.state == "RUNNING" else 0,
                started_at=state.started_at_s if state.state == "RUNNING" else 0,
                memory_mb=self._memory.get(state.pid, 0.0) if state.state == "RUNNING" else 0.0,
                address=self._addresses[name],
            )
            for name, state in states.items()
            if name in self._addresses
        }
