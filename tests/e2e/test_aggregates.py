"""The figures of every country equal `GROUP BY`, whatever happens to the rows or to the job that keeps them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest
from penstock_views.aggregates.run import Run, ask_next_run, current_run, runs_folder
from penstock_views.stream.checkpoint import last_batch_in

from penstock.pipeline.stale_groups import sweep_aggregates
from penstock.project.folders import Project
from penstock.project.workspace import Workspace
from penstock.spark_master import applications
from penstock.stack.health import part_healths
from penstock.wait import wait_until
from tests.e2e.oracle import wait_until_exact
from tests.names import AGGREGATES_APP, VIEWS_APP
from tests.patience import PATIENCE_S
from tests.stack import Stack

INSERT = """
INSERT INTO public.users (id, email, first_name, last_name, registered, country, gender, date_of_birth)
VALUES (%s, 'stats@example.com', 'Sum', 'Total', '2020-02-28 12:00:00+00', %s, %s, %s)
"""

_ONE_OF = """
(SELECT id FROM public.users WHERE email = 'stats@example.com' AND country = %s LIMIT 1 FOR UPDATE SKIP LOCKED)
"""
MOVE = f"UPDATE public.users SET country = 'Stats 0', date_of_birth = NULL WHERE id = {_ONE_OF}"
DELETE = f"DELETE FROM public.users WHERE id = {_ONE_OF}"


@pytest.fixture(autouse=True)
def clean(stack: Stack) -> Iterator[None]:
    """Remove what the test inserted."""
    yield
    stack.sql("DELETE FROM public.users WHERE email = 'stats@example.com'")
    wait_until_exact(stack)


def insert(stack: Stack, country: str, gender: str | None = None, born: str | None = None) -> str:
    identity = str(uuid.uuid4())
    stack.sql(INSERT, identity, country, gender, born)
    return identity


def stats(stack: Stack, country: str) -> dict[str, Any] | None:
    """Return the row that the view holds for a country."""
    query = f"SELECT * FROM {stack.config.names.keyspace}.user_stats_by_country WHERE country = %s"
    rows = stack.cql(query, country)
    return dict(rows[0]) if rows else None


def leave_over(stack: Stack) -> str:
    """Write a group that nobody is in, so no run will ever write it again: only a sweep removes it; return its name.

    The tombstone of an earlier sweep would hide one of the same name.
    """
    name = f"Nobody {uuid.uuid4()}"
    table, version = f"{stack.config.names.keyspace}.user_stats_by_country", 2**52
    stack.cql(
        f"INSERT INTO {table} (country, users, row_version) VALUES (%s, 1, {version}) USING TIMESTAMP {version}", name
    )
    return name


def test_counts_and_means_follow_each_change(stack: Stack) -> None:
    first = insert(stack, "Stats", "female", "2000-02-29")
    insert(stack, "Stats", "male", "1999-02-28")
    insert(stack, "Stats")
    wait_until_exact(stack)
    row = stats(stack, "Stats")
    assert row is not None
    assert [row["users"], row["women"], row["men"], str(row["mean_age"])] == [3, 1, 1, "20.000000"]
    stack.sql("UPDATE public.users SET gender = NULL, date_of_birth = NULL WHERE id = %s", first)
    wait_until_exact(stack)


def test_who_moves_leaves_the_old_group_and_an_empty_group_is_gone(stack: Stack) -> None:
    user = insert(stack, "Stats", "female", "1990-01-01")
    wait_until_exact(stack)
    stack.sql("UPDATE public.users SET country = 'Moved' WHERE id = %s", user)
    wait_until_exact(stack)
    assert stats(stack, "Stats") is None
    stack.sql("UPDATE public.users SET id = gen_random_uuid() WHERE country = 'Moved'")
    wait_until_exact(stack)
    stack.sql("DELETE FROM public.users WHERE country = 'Moved'")
    wait_until_exact(stack)
    assert stats(stack, "Moved") is None


def test_a_group_that_comes_and_goes_in_one_transaction(stack: Stack) -> None:
    user = str(uuid.uuid4())
    statement = (
        INSERT + "; UPDATE public.users SET country = 'Gone' WHERE id = %s; DELETE FROM public.users WHERE id = %s"
    )
    stack.sql(statement, user, "Stats", "male", "1990-01-01", user, user)
    wait_until_exact(stack)
    assert (stats(stack, "Stats"), stats(stack, "Gone")) == (None, None)


class Writer:
    """Inserts, moves, changes and deletes users until asked to stop, some of it in long transactions."""

    def __init__(self, stack: Stack) -> None:
        self._dsn = stack.config.postgres.dsn
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(2)]
        self.written = [0, 0]

    def __enter__(self) -> Writer:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _write(self, which: int) -> None:
        with closing(psycopg2.connect(self._dsn)) as connection, connection.cursor() as cursor:
            while not self._stop.is_set():
                number = self.written[which] = self.written[which] + 1
                gender = ("female", "male", None)[number % 3]
                cursor.execute(INSERT, (str(uuid.uuid4()), f"Stats {number % 5}", gender, "1980-06-01"))
                cursor.execute(MOVE, (f"Stats {number % 4}",))
                cursor.execute(DELETE, ("Stats 0",))
                # Every seventh is rolled back, every fifth stays open while others commit.
                self._stop.wait(0.5 if number % 5 == 0 else 0.01)
                (connection.rollback if number % 7 == 0 else connection.commit)()
            connection.commit()


def pid(stack: Stack) -> int:
    return next(health.pid for health in part_healths(stack.config) if health.name == "aggregates")


def has_written(writer: Writer, *, more_than: int) -> bool:
    return sum(writer.written) > more_than


def runs_again(stack: Stack, before: int) -> bool:
    return pid(stack) not in {0, before}


def runs(stack: Stack) -> Path:
    return stack.config.state_dir / "data" / "aggregates" / "user_stats_by_country"


@pytest.mark.slow
def test_killed_again_and_again_under_writes_it_stays_exact(stack: Stack) -> None:
    with Writer(stack) as writer:
        for _ in range(3):
            before, written = pid(stack), sum(writer.written)
            wait_until(partial(has_written, writer, more_than=written + 50), timeout_s=PATIENCE_S, what="writes go on")
            os.kill(before, signal.SIGKILL)
            wait_until(partial(runs_again, stack, before), timeout_s=PATIENCE_S, what="the job runs again")
    wait_until_exact(stack)


@pytest.mark.slow
def test_a_lost_checkpoint_begins_a_new_run_under_writes(stack: Stack) -> None:
    killed = pid(stack)
    left_over = leave_over(stack)
    with Writer(stack):
        os.kill(killed, signal.SIGKILL)
        shutil.rmtree(runs(stack))
        began = "life-*/checkpoint/commits/0"
        wait_until(lambda: any(runs(stack).glob(began)), timeout_s=PATIENCE_S, what="a new run begins")
    assert sweep_aggregates(Workspace(stack.config))["user_stats_by_country"] >= 1
    wait_until_exact(stack)
    assert stats(stack, left_over) is None
    stack.penstock("verify user_stats_by_country")


def test_repair_counts_anew_and_takes_out_what_is_left_over(stack: Stack) -> None:
    insert(stack, "Stats", "female", "1990-01-01")
    wait_until_exact(stack)
    table = f"{stack.config.names.keyspace}.user_stats_by_country"
    row = stats(stack, "Stats")
    assert row is not None
    # As new as the right one, and the larger of two values wins.
    stack.cql(f"UPDATE {table} USING TIMESTAMP {row['row_version']} SET users = 7777 WHERE country = 'Stats'")
    left_over = leave_over(stack)
    spoiled = stats(stack, "Stats")
    assert spoiled is not None
    assert spoiled["users"] == 7777
    refused = stack.penstock("views repair user_stats_by_country Stats", check=False)
    assert "is counted again as a whole" in refused.stdout + refused.stderr
    done = stack.penstock("views repair user_stats_by_country")
    assert "user_stats_by_country: repaired, 1 stale rows removed" in done.stdout
    wait_until_exact(stack)
    assert stats(stack, left_over) is None
    stack.penstock("views rebuild user_stats_by_country")
    stack.penstock("verify user_stats_by_country")


LOCKED = "locked_by_kind"
LOCKED_VIEW = f'''"""An aggregate of a table that nobody can read for a while."""

from penstock_views import Image, Totals, aggregate, count, totals


@aggregate("public.locked", key=["kind"])
def {LOCKED}(r: Image) -> Totals:
    """Count the rows of each kind."""
    return totals(kind=r.kind, rows=count())
'''


@pytest.fixture
def locked(stack: Stack) -> Iterator[Stack]:
    """Make an aggregate of another table; take it away again."""
    stack.sql("CREATE TABLE public.locked (id int PRIMARY KEY, kind text NOT NULL)")
    stack.sql("INSERT INTO public.locked SELECT n, 'kind ' || n % 7 FROM generate_series(1, 100) AS n")
    file = Project.of(stack.config).views / "locked.py"
    file.write_text(LOCKED_VIEW)
    stack.penstock("views write", "views apply")
    yield stack
    file.unlink()
    stack.drop(LOCKED)
    stack.sql("DROP TABLE public.locked")


def begins_again(stack: Stack, view: str, before: Run | None) -> bool:
    run = current_run(runs_folder(stack.config.state_dir / "data" / "aggregates", view))
    return run is not None and run != before and last_batch_in(run.checkpoint) >= 0


@pytest.mark.slow
def test_a_table_that_takes_long_to_read_holds_up_no_other_aggregate(locked: Stack) -> None:
    root, stats_root = runs(locked).parent / LOCKED, runs(locked)
    before, stats_before = current_run(root), current_run(stats_root)
    with closing(psycopg2.connect(locked.config.postgres.dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("LOCK TABLE public.locked IN ACCESS EXCLUSIVE MODE")
        ask_next_run(root)
        wait_until((root / "next").exists, timeout_s=PATIENCE_S, what="its next run waits for the table")
        ask_next_run(stats_root)
        wait_until(
            partial(begins_again, locked, "user_stats_by_country", stats_before),
            timeout_s=PATIENCE_S,
            what="the other one counts again meanwhile",
        )
        assert current_run(root) is None
    locked.sql("INSERT INTO public.locked VALUES (1000, 'kind 0')")
    wait_until(partial(begins_again, locked, LOCKED, before), timeout_s=PATIENCE_S, what="it counts again")
    locked.penstock(f"verify {LOCKED}", "verify user_stats_by_country")
    wait_until_exact(locked)


BATCHES = 12


def executor(stack: Stack, name: str = AGGREGATES_APP) -> int:
    """Find the process in which an application's tasks run."""
    (app,) = [app["id"] for app in applications(stack.config, name)]
    (pid,) = [process.pid for process in psutil.process_iter(["cmdline"]) if app in (process.info["cmdline"] or ())]
    return pid


@pytest.mark.parametrize("name", [AGGREGATES_APP, VIEWS_APP])
def test_an_executor_shares_its_session_with_no_other(stack: Stack, name: str) -> None:
    pid = executor(stack, name)
    assert os.getsid(pid) == pid


def schemas_in_heap(pid: int) -> int:
    """Count the record schemas of Avro that a JVM holds after a full collection."""
    command = ["jcmd", str(pid), "GC.class_histogram"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return sum(int(line.split()[1]) for line in lines if "org.apache.avro.Schema$RecordSchema" in line)


@pytest.mark.slow
def test_a_batch_leaves_no_schemas_behind(stack: Stack) -> None:
    """Each task parses its own; Avro's fast reader kept every one for as long as the executor lived (AVRO-4253)."""
    insert(stack, "Stats")
    wait_until_exact(stack)
    pid = executor(stack)
    before = schemas_in_heap(pid)
    for _ in range(BATCHES):
        insert(stack, "Stats")
        wait_until_exact(stack)
    assert executor(stack) == pid
    assert schemas_in_heap(pid) < before + BATCHES
