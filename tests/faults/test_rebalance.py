"""A second Connect worker joins while rows flow, takes tasks over, and is killed: nothing is lost, nothing is wrong."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from penstock.connect.api import ConnectApi
from penstock.errors import TransientError
from penstock.layout import Layout
from penstock.stack.parts.connect import connect
from penstock.wait import wait_until
from tests.e2e.oracle import wait_until_exact
from tests.patience import PATIENCE_S
from tests.stack import KRAFT, Stack

SECOND_PORT = KRAFT.base_port + 90


@contextmanager
def second_worker(stack: Stack, state: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker of the same group, with a port and a folder of its own; killed with -9 at the end."""
    section = stack.config.connect.model_copy(update={"port": SECOND_PORT})
    config = stack.config.model_copy(update={"connect": section, "state": state})
    layout = Layout.of(config)
    part = connect(config, layout)
    part.prepare()
    layout.temporary(part.name).mkdir(parents=True)
    environment = {**os.environ, **layout.temporary_environment(part.name), **part.environment()}
    with (state / "connect.log").open("wb") as log:
        process = subprocess.Popen(part.command, env=environment, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def workers_of_tasks(stack: Stack) -> set[str]:
    """Return the ports of the workers that run tasks; empty while a rebalance goes on."""
    try:
        with ConnectApi(stack.config.connect.url) as api:
            statuses = [overview.status for overview in api.connectors().values()]
    except TransientError:
        return set()
    if not all(status.is_running for status in statuses):
        return set()
    return {task.worker_id.rpartition(":")[2] for status in statuses for task in status.tasks}


@pytest.mark.slow
def test_a_second_worker_comes_and_is_killed(stack: Stack, tmp_path: Path) -> None:
    first, second = str(stack.config.connect.port), str(SECOND_PORT)
    with stack.written_to("Rebalance"):
        with second_worker(stack, tmp_path):
            both = {first, second}
            wait_until(lambda: workers_of_tasks(stack) == both, timeout_s=PATIENCE_S, what="both workers run tasks")
        wait_until(
            lambda: workers_of_tasks(stack) == {first}, timeout_s=PATIENCE_S, what="the first runs them all again"
        )
    wait_until_exact(stack)
    stack.sql("DELETE FROM public.users WHERE country = 'Rebalance'")
    wait_until_exact(stack)
