"""The command line finds each command, and loads for one no more than it needs."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from penstock.cli import clients, main
from penstock.cli.main import _COMMANDS, app, load_command
from penstock.cli.up import _bars
from penstock.clone import ROOT
from penstock.pipeline.bring_up import Hop
from tests.patience import PATIENCE_S
from tests.stack import run_here

HEAVY = ("pyspark", "cassandra")


@pytest.mark.parametrize("command", _COMMANDS)
def test_each_command_has_its_help(command: str) -> None:
    said = CliRunner().invoke(app, [command, "--help"])
    assert said.exit_code == 0
    assert f"Usage: penstock {command}" in said.stdout


def test_the_readme_lists_commands_that_there_are_with_an_example() -> None:
    table = (ROOT / "README.md").read_text().split("## Commands")[1].split("##")[0]
    names = [name for row in re.findall(r"^\| (.+?) \|", table, re.M) for name in re.findall(r"`(\w+)", row)]
    assert len(names) > 10
    for name in names:
        assert "Example" in CliRunner().invoke(app, [name, "--help"]).stdout


def test_the_help_names_every_command() -> None:
    said = CliRunner().invoke(app, ["--help"]).stdout
    assert [name for name in _COMMANDS if f"│ {name} " not in said] == []


@pytest.mark.parametrize("command", _COMMANDS)
def test_the_help_says_of_a_command_what_the_command_says(command: str) -> None:
    assert " ".join(load_command(command).help.split("\n\n")[0].split()) == _COMMANDS[command][1]


def test_the_help_loads_no_command() -> None:
    program = (
        "import sys; from typer.testing import CliRunner; from penstock.cli.main import app; "
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0; "
        "print([name for name in sys.modules if name.startswith('penstock.cli.')])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['penstock.cli.main']"


def test_the_wheel_alone_says_where_penstock_runs(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "penstock", tmp_path / "penstock", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-c", "from penstock.cli.main import main; main()", "status"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert f"Penstock runs from a clone of its repository; {tmp_path} has neither" in done.stderr


def test_an_unknown_command_is_a_mistake_of_usage() -> None:
    said = CliRunner().invoke(app, ["topcis"])
    assert (said.exit_code, "No such command 'topcis'" in said.output) == (2, True)


@pytest.mark.parametrize("command", ["connectors", "load", "psql"])
def test_what_needs_no_view_waits_for_no_spark(command: str) -> None:
    program = (
        "import sys; from typer.testing import CliRunner; from penstock.cli.main import app; "
        f"assert CliRunner().invoke(app, [{command!r}, '--help']).exit_code == 0; "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("asked", "begun"),
    [
        (["verify", "--json"], "begun with []"),
        (["views", "check"], "begun with []"),
        (["views", "check", "--help"], ""),
        (["views", "ddl"], ""),
    ],
)
def test_the_jvm_begins_before_pyspark_is_loaded_and_where_views_are_evaluated_only(
    asked: list[str], begun: str
) -> None:
    program = (
        "import sys; from penstock.cli import main\n"
        f"loaded = lambda: [name for name in {HEAVY!r} if name in sys.modules]\n"
        "main.begin_jvm = lambda _: sys.exit(f'begun with {loaded()}')\n"
        f"main.run({asked!r})"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr.strip() == begun


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (["status", "--watch", "--json"], "--watch draws tables"),
        (["psql", "-t", "-l"], "-t is for -c, -f"),
        (["views", "rebuild", "users_by_id", "--source", "billing"], "--source is for all views of one"),
        (["views", "rebuild", "--rate", "5"], "--rate is for one view"),
    ],
)
def test_an_option_that_would_be_ignored_is_a_mistake_of_usage(
    asked: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "_is_piped", lambda: False)
    monkeypatch.setattr(clients, "_become", lambda *_: pytest.fail("pgcli was opened"))
    done = run_here(asked, {"PENSTOCK_STATE": str(tmp_path)})
    assert (done.returncode, says in " ".join(done.stderr.replace("│", " ").split())) == (2, True), done.stderr


def test_logs_of_what_has_not_run_say_so(tmp_path: Path) -> None:
    here = {"PENSTOCK_STATE": str(tmp_path)}
    assert "kafka has printed nothing yet" in run_here(["logs", "kafka"], here).stderr
    in_containers = run_here(["logs", "kafka"], {**here, "PENSTOCK_SUPERVISED": "false"})
    assert "`docker compose logs kafka`" in in_containers.stderr


def test_a_hop_is_shown_when_nothing_more_comes_to_it(capsys: pytest.CaptureFixture[str]) -> None:
    with _bars() as show:
        show([Hop("API → Postgres", 500, 1000), Hop("Postgres → change topics", 500, 500)])
        assert capsys.readouterr().out == ""
        show([Hop("API → Postgres", 1000, 1000), Hop("Postgres → change topics", 1000, 1000)])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[-3:] for line in lines] == [["1,000", "of", "1,000"]] * 2


@pytest.mark.parametrize(("asked", "code"), [(SystemExit(143), 143), (KeyboardInterrupt(), 130)])
def test_what_fails_on_the_way_out_is_no_fault_of_penstock(
    asked: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The signal of `timeout`, or of a shell that ends, reaches the JVM too: py4j meets a closed socket then."""

    def command(_: object) -> None:
        try:
            raise asked
        except BaseException:  # noqa: BLE001 - as py4j does
            raise ConnectionRefusedError("Connection refused")  # noqa: B904 - as py4j does

    monkeypatch.setattr(main, "app", command)
    with pytest.raises(SystemExit) as ended:
        main.run([])
    assert (ended.value.code, capfd.readouterr().err) == (code, "")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (PermissionError(13, "Permission denied", "var/run/command.lock"), "var/run/command.lock: Permission denied"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError(30, "Read-only file system", "var/name"), "var/name: Read-only file system"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_without_a_trace(
    error: OSError, says: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def command(_: object) -> None:
        raise error

    monkeypatch.setattr(main, "app", command)
    with pytest.raises(SystemExit) as ended:
        main.run([])
    said = capfd.readouterr().err
    assert (ended.value.code, said.startswith(f"penstock: {says}\n  What to do: ")) == (1, True)
    assert "Traceback" not in said


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_the_command_whatever_its_threads_wait_for(number: signal.Signals, code: int) -> None:
    waits = "threading.Thread(target=threading.Event().wait).start(); print('waits', flush=True); time.sleep(600)"
    program = (
        "import signal, threading, time; from penstock.cli import main; signal.signal(signal.SIGHUP, signal.SIG_DFL); "
        f"main.app = lambda _: exec({waits!r}); main.main()"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE) as command:
        assert command.stdout is not None
        assert command.stdout.readline() == b"waits\n"
        command.send_signal(number)
        assert command.wait(PATIENCE_S) == code


_HANG_UP = """
import os, signal, sys
from penstock.cli import main

def command(_):
    try:
        os.kill(os.getpid(), signal.SIGHUP)
        print("goes on")
    finally:
        os.kill(os.getpid(), signal.SIGHUP)
        print("took it back")

signal.signal(signal.SIGHUP, signal.Handlers[sys.argv[1]])
main.app = command
main.main()
"""


@pytest.mark.parametrize(
    ("before", "code", "said"),
    [(signal.SIG_DFL, 129, ["took it back"]), (signal.SIG_IGN, 0, ["goes on", "took it back"])],
)
def test_a_terminal_that_closes_lets_a_command_take_back_what_it_began(
    before: signal.Handlers, code: int, said: list[str]
) -> None:
    """The system and the shell each send SIGHUP; with `nohup` it is ignored."""
    command = [sys.executable, "-c", _HANG_UP, before.name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert (done.returncode, done.stdout.splitlines()) == (code, said)
