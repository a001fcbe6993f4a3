"""Any process killed with -9 comes back by itself, and nothing that happened meanwhile is lost."""

from __future__ import annotations

import os
import signal
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg2
import pytest

from penstock.config import Config
from penstock.stack import stack as the_stack
from penstock.stack.health import part_healths
from penstock.wait import wait_until
from tests.e2e.oracle import wait_until_exact
from tests.patience import PATIENCE_S
from tests.stack import Stack

# No row waits for one of these: they die all at once.
BYSTANDERS = (
    *("api", "airflow-api-server", "airflow-scheduler", "airflow-dag-processor"),
    *("connect-watcher", "spark-master", "console"),
)
PARTS = [part.name for part in the_stack.parts(Config()) if not part.one_shot and part.name not in BYSTANDERS]
# A new task knows no schema while the registry is away.
KILLS = [*[(part,) for part in PARTS], ("registry", "connect"), BYSTANDERS]
# `make test` kills what every row passes through; the rest takes minutes.
SOONEST = {("connect",), ("views",), ("cassandra",)}
MARKED = [pytest.param(parts, marks=() if parts in SOONEST else pytest.mark.slow) for parts in KILLS]

INSERT = """
INSERT INTO public.users (id, email, first_name, last_name, registered, country)
VALUES (%s, 'fault@example.com', %s, 'Fault', '2022-02-02', 'Fault')
"""


def write_through(stack: Stack, number: int) -> None:
    """Insert a row; while Postgres itself is coming back, try again: the client saw no commit."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            stack.sql(INSERT, str(uuid.uuid4()), f"n{number}")
        except psycopg2.OperationalError:
            assert time.monotonic() < deadline, "Postgres did not come back"
            time.sleep(0.1)
        else:
            return


@pytest.mark.parametrize("parts", MARKED, ids="+".join)
def test_kill_while_rows_flow(stack: Stack, parts: tuple[str, ...]) -> None:
    before = {part: stack.health(part) for part in parts}
    assert all(part.answers for part in before.values())
    for number in range(20):
        write_through(stack, number)
        if number == 10:
            for part in before.values():
                os.kill(part.pid, signal.SIGKILL)
    stack.sql("UPDATE public.users SET country = 'Moved' WHERE country = 'Fault'")
    for name in parts:
        wait_until(partial(stack.runs_again, before[name]), timeout_s=PATIENCE_S, what=f"{name} runs again and answers")
    wait_until_exact(stack)
    stack.sql("DELETE FROM public.users WHERE country = 'Moved'")
    wait_until_exact(stack)


@pytest.mark.slow
def test_a_benchmark_whose_cassandra_is_killed_gives_no_figure(stack: Stack) -> None:
    before = stack.health("cassandra")
    command = ".venv/bin/penstock bench flow --rate 50 --seconds 600 --warm-up 1"
    writing = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'EXECUTE update_%'"
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(stack.run, command, check=False, timeout_s=2 * PATIENCE_S)
        wait_until(lambda: bool(stack.sql(writing)), timeout_s=PATIENCE_S, what="the benchmark writes")
        os.kill(before.pid, signal.SIGKILL)
        done = run.result()
    assert done.returncode == 1
    assert "Cassandra does not answer" in done.stderr
    assert "Traceback" not in done.stderr
    wait_until(partial(stack.runs_again, before), timeout_s=PATIENCE_S, what="Cassandra runs again and answers")
    wait_until_exact(stack)


@pytest.mark.slow
def test_kill_the_supervisor_and_the_next_up_takes_over(stack: Stack) -> None:
    pid = int((stack.config.state_dir / "run/supervisord.pid").read_text())
    os.kill(pid, signal.SIGKILL)
    before = {health.name: health.pid for health in part_healths(stack.config)}
    stack.sql(INSERT, str(uuid.uuid4()), "orphan")
    stack.run(".venv/bin/penstock up")
    after = {health.name: health for health in part_healths(stack.config)}
    assert all(health.answers for health in after.values())
    assert all(health.pid != before[name] for name, health in after.items())
    stack.sql("DELETE FROM public.users WHERE country = 'Fault'")
    wait_until_exact(stack)
