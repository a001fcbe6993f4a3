"""Stops parts of the stack while something is measured, above all those that the sink does not need."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from penstock.config import Config
from penstock.connect.api import ConnectApi, State
from penstock.layout import Layout
from penstock.project.workspace import Workspace
from penstock.setup import lifecycle
from penstock.stack import stack
from penstock.stack.elsewhere import NotSupervised
from penstock.stack.supervisor import Supervisor

_NEEDED = ("postgres", "kafka", "registry", "connect", "cassandra")
"""Postgres takes no time while nobody reads it, and the other parts come back sooner when it stays."""


@contextmanager
def sink_alone(config: Config) -> Iterator[None]:
    """Pause the connectors and stop the parts that the sink does not need; bring all back at the end.

    After a kill in between `penstock up` starts the parts and `penstock connectors resume` the connectors.

    :raises SupervisorUnreachable: when the stack does not run.
    """
    if not config.supervised:
        raise NotSupervised("stop what the sink does not need yourself")
    with ConnectApi(config.connect.url) as api:
        running = [name for name, each in api.connectors().items() if each.status.connector.state == State.RUNNING]
        try:
            for name in running:
                api.pause(name)
            needed = stack.all_of(config, _NEEDED)
            with parts_stopped(config, {part.name for part in stack.parts(config)}.difference(needed)):
                yield
        finally:
            for name in running:
                api.resume(name)


@contextmanager
def parts_stopped(config: Config, names: Collection[str]) -> Iterator[None]:
    """Stop parts one by one, those that need another before it; start them again at the end.

    After a kill in between `penstock up` starts them.

    :raises SupervisorUnreachable: when the stack does not run.
    """
    supervisor = Supervisor(Layout.of(config))
    known = supervisor.states()
    try:
        for part in reversed(stack.parts(config)):
            if part.name in known and part.name in names:
                supervisor.stop_and_wait(part.name)
        yield
    finally:
        lifecycle.start(Workspace(config), on_event=lambda _event: None)
