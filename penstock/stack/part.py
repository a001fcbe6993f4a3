"""A part of the stack: a process to keep running, or a step to take once its needs are met."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from penstock.errors import TerminalError


class PartUnknown(TerminalError):
    """A name that is no part of the stack, or no step."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        super().__init__(f"there is no {kind} {name!r}; there are: {', '.join(known)}")


@dataclass(frozen=True)
class Part:
    """A process of the stack.

    `prepare` runs before each start and is idempotent (initdb, rendering the configuration). `is_ready` speaks the
    part's own protocol and returns False while it does not answer; it never raises for a part that is still coming.
    """

    name: str
    command: tuple[str, ...]
    is_ready: Callable[[], bool]
    needs: tuple[str, ...] = ()
    starts_after: tuple[str, ...] = ()
    """Parts that it does not need, but that go first: the processors are short while all start."""
    nice: int = 0
    """How far it steps back for the others when processors are short (nice(2)): 0 for what carries rows, up to 19."""
    timer_slack_ms: float = 0
    """How much later than it asks a timer may wake it (Linux): for what sleeps for microseconds, over and over."""
    stops_before: tuple[str, ...] = ()
    """Parts that it uses but can start without; at the end they outlive it."""
    why_not: Callable[[], str] = str
    """Says why it failed last, where it writes that down; empty when nobody knows."""
    came_to: Callable[[], int] = int
    """Counts what it has done of its start: one that does more is waited for, however long it takes."""
    prepare: Callable[[], None] = lambda: None
    environment: Callable[[], Mapping[str, str]] = dict
    """Asked when the part's launch file is written; it may make what it names (Airflow's keys)."""
    ports: Mapping[str, int] = field(default_factory=dict)
    """Configuration key (`kafka.port`) → port that it listens on."""
    host: str = "127.0.0.1"
    """The address of these ports."""
    runs: tuple[Path, ...] = ()
    """The files and folders of its code (`build.py`): `up` restarts it when something in them has changed."""
    stop_signal: str = "TERM"
    stop_wait_s: int = 30
    elsewhere: str = ""
    """Its address, when others run it (`managed = false`): it is asked, and never started, stopped or prepared."""
    one_shot: bool = False
    """Runs to its end once; `is_ready` says whether it ever did."""


@dataclass(frozen=True)
class Step:
    """An idempotent action of the set-up (tables, topics, connectors); returns a word on what it did."""

    name: str
    action: Callable[[], str]
    needs: tuple[str, ...] = ()
