"""The entry point: `penstock` and the seam where every error becomes one clear message."""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

import typer
from rich.console import Console
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from penstock import environment
from penstock.clone import ROOT
from penstock.config import load_config
from penstock.errors import PenstockError, TerminalError
from penstock.spark_jvm import begin_jvm

_BY_SIGNAL = (128 + signal.SIGHUP, 128 + signal.SIGINT, 128 + signal.SIGTERM)
_COMMANDS = {
    "up": (
        "up",
        "Start what is not running, set it up, load users through Airflow, follow them to Cassandra, verify.",
    ),
    "down": ("stack", "Stop the stack in the right order and keep its data."),
    "reset": ("stack", "Stop the stack and delete all its data."),
    "status": (
        "status",
        "Show every part, connector and what waits on the way. Exit 1 when something is not as it should be.",
    ),
    "logs": ("stack", "Show what a part printed."),
    "part": ("part", "Run one part or step of the stack by itself, as a container does."),
    "load": (
        "load",
        "Load users of the API into Postgres through Airflow and follow the run. Twice the same load writes nothing.",
    ),
    "connectors": ("connectors", "Manage the connectors; their files are `connect/connectors/NAME.json`."),
    "views": ("views", "Make, check, apply, mend and drop the views; their functions are in `spark/views`."),
    "topics": ("topics", "Look at the Kafka topics."),
    "verify": (
        "verify",
        "Compare every row of Cassandra's views with what Postgres says they must hold; exit 1 on any difference.",
    ),
    "doctor": (
        "doctor",
        "Look at every server that penstock.toml names, ours or not, and say what is missing and what cures it.",
    ),
    "metrics": ("metrics", "Let Prometheus watch the pipeline."),
    "bench": ("bench", "Measure the running stack: figures side by side, of one run."),
    "cqlsh": ("clients", "Open cqlsh on the stack's Cassandra; every argument is cqlsh's."),
    "psql": (
        "clients",
        "Open pgcli on the stack's Postgres (its distribution has no psql); every further argument is pgcli's.",
    ),
}
"""The module of `penstock.cli` that holds each command, and the beginning of its help, in the order of the help.

The second is said here once more: to read it from the commands, `penstock --help` would load them all, with PySpark.
"""

_EVALUATING = {("verify",), *(("views", each) for each in ("apply", "check", "new", "rebuild", "repair", "write"))}
"""The commands that evaluate views, which takes Spark."""


_OTHERS = "run it as the user whose file it is; what `sudo penstock` has made belongs to root (chown gives it back)"
_ROOM = "make room; `state` in penstock.toml moves what Penstock writes to another disk"
_OF_MACHINE = {
    errno.EACCES: _OTHERS,
    errno.EPERM: _OTHERS,
    errno.EROFS: "let it be written, or give `state` in penstock.toml a folder that can be",
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EMFILE: "let a process open more files: ulimit -n 4096",
    errno.EISDIR: "a file should be there; move the folder away",
    errno.ENOTDIR: "a folder should be there; move the file away",
}
"""Errors of files that are no fault of Penstock, with what helps."""


class NoClone(TerminalError):
    """The Python of Penstock lies somewhere by itself, as its wheel installs it."""

    def __init__(self) -> None:
        super().__init__(
            f"Penstock runs from a clone of its repository; {ROOT} has neither its SQL nor its servers.\n"
            "  What to do: clone the repository, `make setup` there, and `.venv/bin/penstock` of the clone"
        )


class Commands(TyperGroup):
    """Loads the module of a command when it is run: PySpark and the drivers take a second or two to import."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - its types are Typer's private click
        """Name the commands."""
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - as above
        """Return what stands for a command in the help; None when there is none of that name."""
        return TyperCommand(cmd_name, help=_COMMANDS[cmd_name][1]) if cmd_name in _COMMANDS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Load the command, and let Spark's JVM start meanwhile: each takes a second or two.

        :raises NoClone: only the wheel is installed.
        """
        if not (ROOT / "schemas" / "postgres").is_dir():
            raise NoClone
        if not {tuple(args[:1]), tuple(args[:2])}.isdisjoint(_EVALUATING) and "--help" not in args:
            begin_jvm(load_config())
        name, command, rest = super().resolve_command(ctx, args)
        return name, load_command(name) if name else command, rest


def load_command(name: str) -> Any:
    """Import a command."""
    held = typer.Typer(rich_markup_mode="markdown")
    import_module(f"penstock.cli.{_COMMANDS[name][0]}").register(held)
    return get_group(held).commands[name]


app = typer.Typer(name="penstock", cls=Commands, pretty_exceptions_enable=False, rich_markup_mode="markdown")
_err = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)


@app.callback(no_args_is_help=True)
def penstock() -> None:
    """Keep Cassandra tables as live, exact views of Postgres tables, and prove it."""


def main() -> None:
    """Run the command line; exit 0 good, 1 failed, 2 usage, 129, 130 and 143 after SIGHUP, SIGINT and SIGTERM."""
    signal.signal(signal.SIGTERM, _end)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup has it
        signal.signal(signal.SIGHUP, _end)
    environment.clean()
    try:
        run()
    except SystemExit as exc:
        if exc.code not in _BY_SIGNAL:
            raise
        # Python would wait for every thread, also for one that waits for an answer that does not come.
        with suppress(OSError):  # its terminal may be closed
            sys.stdout.flush()
        os._exit(exc.code)


def run(arguments: Sequence[str] | None = None) -> None:
    """Run one command in this process; what it ends with is the `SystemExit`.

    :param arguments: those of this process when none are given.
    """
    try:
        app(arguments)
    except PenstockError as exc:
        _err.print(f"penstock: {exc}", style="red")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as exc:  # noqa: BLE001 - the one seam where nothing may end as a traceback
        _leave_if_asked(exc)
        if isinstance(exc, OSError) and exc.errno in _OF_MACHINE:
            _err.print(f"penstock: {_said_of_machine(exc)}", style="red")
            sys.exit(1)
        trace = "".join(traceback.format_exception(exc))
        _err.print(f"penstock: a fault of Penstock itself, please report it:\n{trace}")
        sys.exit(1)


def _said_of_machine(error: OSError) -> str:
    said = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
    return f"{said}\n  What to do: {_OF_MACHINE[error.errno or 0]}"


def _leave_if_asked(error: BaseException) -> None:
    """End in silence when an error came after a signal: a JVM that was ended for it answers no call any more."""
    before = error.__context__
    while before is not None:
        if isinstance(before, SystemExit):
            sys.exit(before.code)
        if isinstance(before, KeyboardInterrupt):
            sys.exit(130)
        before = before.__context__


def _end(number: int, _frame: object) -> None:
    """Leave by the way of Ctrl+C: what a command has started for a while (paused connectors) it takes back."""
    # A terminal that closes sends it twice: by the system, and by the shell. The second would cut off the taking back.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    logging.disable()  # py4j writes each call to a JVM that is gone, with its trace
    sys.exit(128 + number)
