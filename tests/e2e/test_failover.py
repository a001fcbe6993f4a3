"""The primary of the running pipeline is killed under load, and a standby takes its place at its address."""

from __future__ import annotations

import os
import shutil
import signal
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from penstock.layout import Layout
from penstock.stack.supervisor import Supervisor
from penstock.wait import wait_until
from tests.e2e.oracle import wait_until_exact
from tests.integration.standby import PHYSICAL, Server
from tests.patience import PATIENCE_S
from tests.stack import INSERT, Stack, all_the_while

pytestmark = pytest.mark.slow

IS_KEPT = "EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = 'penstock' AND synced AND NOT temporary)"
KEEPS_UP = f"ALTER SYSTEM SET synchronized_standby_slots = '{PHYSICAL}'"


def test_the_pipeline_goes_on_from_a_promoted_standby(stack: Stack) -> None:
    if stack.config.postgres.password_file:
        pytest.skip("the standby logs in without a password")
    with standby_of(stack) as standby:
        alone(stack, KEEPS_UP, "SELECT pg_reload_conf()")
        standby.waits(IS_KEPT)
        with all_the_while(lambda: write(stack), pause_s=0.01):
            before = written(stack)
            wait_until(lambda: written(stack) > before + 50, timeout_s=PATIENCE_S, what="rows come")
            take_over(stack, standby)
            held = written(stack)
            wait_until(lambda: written(stack) > held + 50, timeout_s=PATIENCE_S, what="rows come on the new primary")
    assert alone(stack, "SELECT pg_walfile_name(pg_current_wal_lsn())")[0][0].startswith("00000002")
    stack.sql("UPDATE public.users SET country = 'Promoted' WHERE country = 'Failover'")
    wait_until_exact(stack)
    stack.penstock("verify")
    stack.sql("DELETE FROM public.users WHERE country = 'Promoted'")
    wait_until_exact(stack)


@contextmanager
def standby_of(stack: Stack) -> Iterator[Server]:
    """Run a standby of the stack's Postgres, beside its folder."""
    standby = Server(stack.config.state_dir / "standby")
    alone(stack, f"SELECT pg_create_physical_replication_slot('{PHYSICAL}', true)")
    copy(stack, standby.data)
    standby.follow(stack.config.postgres.port)
    try:
        yield standby
    finally:
        standby.stop()
        shutil.rmtree(stack.config.state_dir / "standby", ignore_errors=True)


def copy(stack: Stack, data: Path) -> None:
    """Copy the files of the primary while it runs."""
    with closing(psycopg2.connect(stack.config.postgres.dsn)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backup_start('failover', true)")
            skipped = shutil.ignore_patterns("postmaster.*", "pg_replslot", "pgsql_tmp*")
            shutil.copytree(Layout.of(stack.config).data("postgres"), data, ignore=skipped, copy_function=copy_file)
            (data / "pg_replslot").mkdir()
            cursor.execute("SELECT labelfile FROM pg_backup_stop()")
            ((label,),) = cursor.fetchall()
    data.chmod(0o700)
    (data / "backup_label").write_text(label)


def copy_file(source: str, target: str) -> None:
    """Copy a file, unless Postgres has removed it meanwhile."""
    with suppress(FileNotFoundError):
        shutil.copy2(source, target)


def take_over(stack: Stack, standby: Server) -> None:
    """Kill the primary for good, and let the standby run in its place."""
    data, former = Layout.of(stack.config).data("postgres"), stack.config.state_dir / "former-primary"
    before = stack.health("postgres")
    data.rename(former)  # nobody starts it again
    os.kill(before.pid, signal.SIGKILL)
    standby.sql("SELECT pg_promote()")
    standby.stop()
    shutil.copy(former / "penstock.conf", standby.data / "penstock.conf")
    standby.data.rename(data)
    supervisor = Supervisor(Layout.of(stack.config))

    def is_back() -> bool:
        if not stack.health("postgres").answers and supervisor.state("postgres").state not in {"RUNNING", "STARTING"}:
            supervisor.start_process("postgres")
        return stack.runs_again(before)

    wait_until(is_back, timeout_s=PATIENCE_S, what="the promoted standby answers at the primary's address")
    shutil.rmtree(former)


def write(stack: Stack) -> None:
    """Insert a row; while nobody answers, the next one is tried."""
    with suppress(psycopg2.Error):
        stack.sql(INSERT, str(uuid.uuid4()), "Failover")


def written(stack: Stack) -> int:
    """Return how many rows there are."""
    return int(stack.sql("SELECT count(*) FROM public.users WHERE country = 'Failover'")[0][0])


def alone(stack: Stack, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements, each in a transaction of its own; return the rows of the last one."""
    with closing(psycopg2.connect(stack.config.postgres.dsn)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
