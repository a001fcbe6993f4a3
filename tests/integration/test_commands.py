"""One command at a time changes an installation, wherever it is run; what was cut off is known. One Postgres runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from penstock.config import Config
from penstock.pipeline.state import Reading, read_flow
from penstock.postgres.commands import forget_commands, note_end, read_commands
from penstock.postgres.connection import connect
from penstock.project.workspace import Workspace
from penstock.stack.alone import StackBusy, alone
from penstock.views.drop import NothingLeft, refuse_declared
from penstock.wait import wait_until
from tests.patience import PATIENCE_S

HOLDER = """
import sys, time
from penstock.config import Config
from penstock.sections.postgres import Postgres
from penstock.stack.alone import alone
config = Config(state=sys.argv[1], postgres=Postgres(port=int(sys.argv[2])))
with alone(config, "penstock views apply") as turn:
    turn.noting(lambda *_: None)("topics", "made")
    print("holds", flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def nothing_noted(config: Config) -> Iterator[None]:
    yield
    with connect(config) as connection:
        note_end(connection, "", of_all=True)


@contextmanager
def at_work(config: Config, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Let another process apply the views, with a state folder of its own, as a container has."""
    command = [sys.executable, "-c", HOLDER, str(folder), str(config.postgres.port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "holds\n"
        yield holder
        holder.kill()


def commands(config: Config) -> list[Reading]:
    return [reading for reading in read_flow(Workspace(config)) if "penstock views" in reading.name]


def wait_until_cut_off(config: Config) -> None:
    def is_over() -> bool:
        with connect(config) as connection:
            return not any(each.is_at_work for each in read_commands(connection))

    wait_until(is_over, timeout_s=PATIENCE_S, what="Postgres has seen its end")


def test_the_second_hears_of_the_first_whatever_its_folder_is(config: Config, tmp_path: Path) -> None:
    with at_work(config, tmp_path) as holder:
        said = rf"`penstock views apply` \(pid {holder.pid} on .*, since"
        with pytest.raises(StackBusy, match=said), alone(config, "penstock views pause users_by_id"):
            pass
        (reading,) = commands(config)
        assert (reading.name, reading.is_well) == ("`penstock views apply`", True)
        assert reading.seen.startswith("is at work, after the step topics")


def test_what_was_cut_off_is_said_with_its_step_until_it_is_run_again(config: Config, tmp_path: Path) -> None:
    with at_work(config, tmp_path):
        pass
    wait_until_cut_off(config)
    with alone(config, "penstock views pause users_by_id"):
        pass  # another command may go on
    (reading,) = commands(config)
    assert not reading.is_well
    assert reading.seen.startswith("was cut off after the step topics")
    assert reading.seen.endswith("run it again")
    with alone(config, "penstock views apply"):
        pass
    assert commands(config) == []


def test_a_command_that_did_nothing_leaves_no_word_and_one_that_failed_later_does(config: Config) -> None:
    for steps in ((), ("topics",)):
        with pytest.raises(ValueError, match="wrong"), alone(config, "penstock views apply") as turn:
            for step in steps:
                turn.noting(lambda *_: None)(step, "done")
            raise ValueError("wrong")
        assert [reading.is_well for reading in commands(config)] == [False] * len(steps)


def test_a_turn_outlives_an_outage_of_postgres(config: Config, tmp_path: Path) -> None:
    other = config.model_copy(update={"state": tmp_path})
    with alone(config, "penstock views apply") as turn:
        with connect(config) as connection, connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(session) FROM penstock.commands")
        turn.noting(lambda *_: None)("topics", "made")
        (reading,) = commands(config)
        assert reading.seen.startswith("is at work, after the step topics")
        with pytest.raises(StackBusy, match="views apply"), alone(other, "penstock views pause users_by_id"):
            pass
    assert commands(config) == []


def test_a_start_makes_good_whatever_was_cut_off(config: Config, tmp_path: Path) -> None:
    with at_work(config, tmp_path):
        pass
    wait_until_cut_off(config)
    with alone(config, "penstock up", ends_all=True):
        pass
    assert commands(config) == []


def test_what_only_a_dropped_view_could_end_is_forgotten(config: Config) -> None:
    cut_off = [
        "drop gone other",
        "repair gone 7",
        "rebuild kept gone",
        "rebuild kept",
        "pause kept",
        "repair kept gone",
    ]
    for command in cut_off:
        with pytest.raises(ValueError, match="wrong"), alone(config, f"penstock views {command}") as turn:
            turn.noting(lambda *_: None)("jobs", "done")
            raise ValueError("wrong")
    with connect(config) as connection:
        forget_commands(connection, ["gone", "never"])
    assert [reading.name for reading in commands(config)] == [f"`penstock views {each}`" for each in cut_off[3:]]


def test_a_drop_that_was_cut_off_behind_its_last_file_ends_when_it_is_asked_for_again(config: Config) -> None:
    with pytest.raises(ValueError, match="wrong"), alone(config, "penstock views drop gone") as turn:
        turn.noting(lambda *_: None)("files", "none left")
        raise ValueError("wrong")
    with pytest.raises(NothingLeft):
        refuse_declared(Workspace(config), ["gone"])
    assert commands(config) == []
