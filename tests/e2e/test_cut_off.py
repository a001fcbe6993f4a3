"""Commands that are killed at any of their steps: the same command again ends the work, and all is exact."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator

import pytest

from penstock.clone import ROOT
from penstock.connect.api import ConnectApi, State
from penstock.project.folders import Project
from penstock.wait import wait_until
from tests.e2e.oracle import wait_until_exact
from tests.names import SINK, SOURCE
from tests.patience import PATIENCE_S
from tests.stack import Stack

pytestmark = pytest.mark.slow

NAME = "cut_off_by_id"
DROPPED = "nothing is left of a view"
VIEW = '''"""A view that is made while commands are killed."""

from penstock_views import Image, Row, row, view


@view("public.cut_off", key=["id"], revision={revision})
def cut_off_by_id(r: Image) -> Row:
    """Hold one row per row."""
    return row(id=r.id, a=r.a)
'''


@pytest.fixture(scope="module")
def table(stack: Stack) -> Iterator[Stack]:
    stack.sql("CREATE TABLE public.cut_off (id int PRIMARY KEY, a text)")
    stack.sql("INSERT INTO public.cut_off SELECT n, 'row ' || n FROM generate_series(1, 500) AS n")
    yield stack
    stack.sql("DROP TABLE public.cut_off")


def write_view(stack: Stack, revision: int) -> None:
    (Project.of(stack.config).views / "cut_off.py").write_text(VIEW.format(revision=revision))
    stack.penstock("views write")


def kill_at_line(stack: Stack, command: str, number: int) -> bool:
    """Run a command and kill it (-9) when it has printed so many lines; return whether it has more to do."""
    with subprocess.Popen(
        command.split(), cwd=ROOT, env=stack.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for _ in range(number):
            line = process.stdout.readline()
            if not line:
                return process.wait() != 0
            if DROPPED in line:
                return False
        process.send_signal(signal.SIGKILL)
    return True


def cut_off_everywhere(stack: Stack, command: str) -> int:
    """Kill a command at its first line, then at its second, and so on, until one run comes to its end."""
    number = 1
    while kill_at_line(stack, command, number):
        number += 1
        assert number < 60, f"{command} never ends"
    return number


def kill_while_stopped(stack: Stack, connector: str, command: str) -> None:
    """Kill a command (-9) in the middle of a step, where it prints no line: while it has a connector stopped."""
    with (
        ConnectApi(stack.config.connect.url) as api,
        subprocess.Popen(command.split(), cwd=ROOT, env=stack.environment) as process,
    ):

        def is_stopped() -> bool:
            assert process.poll() is None, f"{command} has ended"
            return api.status(connector).connector.state == State.STOPPED

        wait_until(is_stopped, timeout_s=PATIENCE_S, what=f"{command} has stopped {connector}")
        process.send_signal(signal.SIGKILL)


def applied_topics(stack: Stack) -> list[str]:
    with ConnectApi(stack.config.connect.url) as api:
        return api.config(SINK)["topics"].split(",")


def rows(stack: Stack) -> set[tuple[int, str]]:
    return {(row["id"], row["a"]) for row in stack.cql(f"SELECT id, a FROM penstock.{NAME}")}


def is_exact(stack: Stack) -> bool:
    stack.penstock(f"verify {NAME}")
    return rows(stack) == set(stack.sql("SELECT id, a FROM public.cut_off"))


def test_apply_rebuild_pause_and_drop_are_killed_at_each_step(table: Stack) -> None:
    write_view(table, revision=1)
    assert cut_off_everywhere(table, ".venv/bin/penstock views apply") > 1
    assert is_exact(table)

    table.sql("UPDATE public.cut_off SET a = 'changed' WHERE id < 100")
    table.sql("DELETE FROM public.cut_off WHERE id > 400")
    write_view(table, revision=2)
    cut_off_everywhere(table, ".venv/bin/penstock views apply")
    assert is_exact(table)

    cut_off_everywhere(table, f".venv/bin/penstock views rebuild {NAME}")
    assert is_exact(table)
    cut_off_everywhere(table, f".venv/bin/penstock views pause {NAME}")
    assert f"views.{NAME}" not in applied_topics(table)
    table.sql("UPDATE public.cut_off SET a = 'while it is paused' WHERE id < 10")
    cut_off_everywhere(table, f".venv/bin/penstock views resume {NAME}")
    assert f"views.{NAME}" in applied_topics(table)
    assert is_exact(table)

    (Project.of(table.config).views / "cut_off.py").unlink()
    cut_off_everywhere(table, f".venv/bin/penstock views drop {NAME} --yes")
    keyspace = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = 'penstock'"
    assert NAME not in {row["table_name"] for row in table.cql(keyspace)}
    table.penstock("views check", "verify")
    wait_until_exact(table)


def test_apply_is_killed_while_it_holds_up_the_sink(table: Stack) -> None:
    write_view(table, revision=1)
    kill_while_stopped(table, SINK, ".venv/bin/penstock views apply")
    table.penstock("views apply")
    assert is_exact(table)
    wait_until_exact(table)
    (Project.of(table.config).views / "cut_off.py").unlink()
    table.penstock(f"views drop {NAME} --yes")


def test_rebuild_is_killed_while_it_holds_up_the_source(stack: Stack) -> None:
    kill_while_stopped(stack, SOURCE, ".venv/bin/penstock views rebuild")
    stack.run(".venv/bin/penstock up")
    wait_until_exact(stack)
