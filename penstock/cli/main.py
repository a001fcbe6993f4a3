"""The entry point: `penstock` and the seam where every error becomes one clear message."""

from __future__ import annotations

import logging
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import typer
from rich.console import Console
from typer.core import TyperGroup
from typer.main import get_group

from penstock import environment
from penstock.config import load_config
from penstock.errors import PenstockError
from penstock.spark_jvm import begin_jvm

_BY_SIGNAL = (128 + signal.SIGINT, 128 + signal.SIGTERM)
_MODULES = {
    "up": "up",
    "down": "stack",
    "reset": "stack",
    "status": "status",
    "logs": "stack",
    "part": "part",
    "load": "load",
    "connectors": "connectors",
    "views": "views",
    "topics": "topics",
    "verify": "verify",
    "doctor": "doctor",
    "metrics": "metrics",
    "bench": "bench",
    "cqlsh": "clients",
    "psql": "clients",
}
"""The module of `penstock.cli` that holds each command, in the order of the help."""

_EVALUATING = {("verify",), *(("views", each) for each in ("apply", "check", "new", "rebuild", "repair", "write"))}
"""The commands that evaluate views, which takes Spark."""


class Commands(TyperGroup):
    """Loads the module of a command when it is asked for: PySpark and the drivers take a second or two to import."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - its types are Typer's private click
        """Name the commands."""
        return list(_MODULES)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Let Spark's JVM start while Python reads the code of the command: each takes a second or two."""
        if not {tuple(args[:1]), tuple(args[:2])}.isdisjoint(_EVALUATING) and "--help" not in args:
            begin_jvm(load_config())
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - as above
        """Import the command; None when there is none of that name."""
        if cmd_name not in _MODULES:
            return None
        held = typer.Typer(rich_markup_mode="markdown")
        import_module(f"penstock.cli.{_MODULES[cmd_name]}").register(held)
        return get_group(held).commands[cmd_name]


app = typer.Typer(name="penstock", cls=Commands, pretty_exceptions_enable=False, rich_markup_mode="markdown")
_err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


@app.callback(no_args_is_help=True)
def penstock() -> None:
    """Keep Cassandra tables as live, exact views of Postgres tables, and prove it."""


def main() -> None:
    """Run the command line; exit 0 good, 1 failed, 2 usage, 130 and 143 after SIGINT and SIGTERM."""
    signal.signal(signal.SIGTERM, _end)
    environment.clean()
    try:
        run()
    except SystemExit as exc:
        if exc.code not in _BY_SIGNAL:
            raise
        # Python would wait for every thread, also for one that waits for an answer that does not come.
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
        trace = "".join(traceback.format_exception(exc))
        _err.print(f"penstock: a fault of Penstock itself, please report it:\n{trace}")
        sys.exit(1)


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
    logging.disable()  # py4j writes each call to a JVM that is gone, with its trace
    sys.exit(128 + number)
