"""Health of each part: what the supervisor says of its process, and whether it answers its protocol."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from penstock.config import Config
from penstock.layout import Layout
from penstock.stack import stack
from penstock.stack.elsewhere import Elsewhere
from penstock.stack.part import Part
from penstock.stack.processes import memory_mb
from penstock.stack.supervisor import ProcessState, Supervisor, SupervisorUnreachable


@dataclass(frozen=True)
class PartHealth:
    """One row of `penstock status`."""

    name: str
    state: str
    answers: bool
    pid: int
    up_s: int
    memory_mb: float
    address: str


def part_healths(config: Config) -> list[PartHealth]:
    """Ask every part at once; parts that run once and end are left out."""
    lasting = [part for part in stack.parts(config) if not part.one_shot]
    states = _states(config, lasting)
    with ThreadPoolExecutor(len(lasting)) as pool:
        return list(pool.map(lambda part: _health(part, states), lasting))


def _states(config: Config, lasting: Sequence[Part]) -> Mapping[str, ProcessState]:
    if not config.supervised:
        return {part.name: Elsewhere().state(part.name) for part in lasting}
    try:
        return Supervisor(Layout.of(config)).states()
    except SupervisorUnreachable:
        return {}


def _health(part: Part, states: Mapping[str, ProcessState]) -> PartHealth:
    if part.elsewhere:
        answers = part.is_ready()
        word = "not ours" if answers else "not ours, no answer"
        return PartHealth(part.name, word, answers, pid=0, up_s=0, memory_mb=0.0, address=part.elsewhere)
    state = states.get(part.name)
    is_running = state is not None and state.state == "RUNNING"
    answers = is_running and part.is_ready()
    return PartHealth(
        name=part.name,
        state=_word(state, answers=answers),
        answers=answers,
        pid=state.pid if state and is_running else 0,
        up_s=int(time.time()) - state.started_at_s if state and state.pid else 0,
        memory_mb=memory_mb(state.pid) if state and state.pid else 0.0,
        address=", ".join(f"{part.host}:{port}" for port in part.ports.values()),
    )


def _word(state: ProcessState | None, *, answers: bool) -> str:
    if state is None:
        return "not started"
    if state.state == "RUNNING":
        return "running" if answers else "running, no answer"
    return {"STARTING": "starting", "BACKOFF": "dies, is restarted", "STOPPED": "stopped"}.get(
        state.state, state.state.lower()
    )
