"""`penstock down`, `reset` and `logs`; none of them loads Spark, or what Kafka, Cassandra and HTTP take."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from penstock.cli.table import plain_console
from penstock.config import load_config
from penstock.errors import TerminalError
from penstock.layout import Layout
from penstock.stack import stack
from penstock.stack.elsewhere import NotSupervised
from penstock.stack.part import PartUnknown
from penstock.stack.start import Event, Progress
from penstock.stack.stop import refuse_reset, stop
from penstock.stack.stop import reset as reset_stack
from penstock.stack.theirs import NotOurs, left_behind

_out = plain_console()


class NothingPrinted(TerminalError):
    """A part has no log."""

    def __init__(self, part: str, log: Path) -> None:
        super().__init__(f"{part} has printed nothing yet: there is no {log}. What to do: `penstock up` starts it")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(down)
    app.command()(reset)
    app.command()(logs)


def down() -> None:
    """Stop the stack in the right order and keep its data.

    Example: `penstock down`
    """
    stop(load_config(), on_stopped=lambda name: _out.print(f"  {name:<22} stopped"))
    _out.print("Stopped. The data is kept: `penstock up` goes on where this ended.")


def reset(yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False) -> None:
    """Stop the stack and delete all its data.

    Example: `penstock reset --yes`
    """
    config = load_config()
    refuse_reset(config)
    if not yes:
        typer.confirm(f"Delete everything in {config.state_dir}?", abort=True)
    reset_stack(config, on_stopped=lambda name: _out.print(f"  {name:<22} stopped"))
    _out.print(f"Deleted {config.state_dir}")
    if left := left_behind(config):
        _out.print("\nIn the servers that are not ours these are left, and what removes them:")
        for line in left:
            _out.print(f"  {line}")


def logs(
    part: Annotated[str, typer.Argument(help="A part, as `penstock status` names it.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on printing what comes.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0)] = 50,
) -> None:
    """Show what a part printed.

    Example: `penstock logs connect --follow`
    """
    config = load_config()
    known = {known.name: known for known in stack.parts(config)}
    if part not in (*known, "supervisord"):
        raise PartUnknown("part", part, known)
    if part in known and known[part].elsewhere:
        raise NotOurs(known[part])
    if not config.supervised:
        raise NotSupervised(f"`docker compose logs {part}` shows what it printed")
    log = Layout.of(config).log(part)
    if not log.exists():
        raise NothingPrinted(part, log)
    os.execvp("tail", ["tail", "-n", str(lines), *(["-F"] if follow else []), str(log)])  # noqa: S606, S607


def print_event(event: Event) -> None:
    """Print one line for each part or step that is ready, and for each part that was stopped to be started again."""
    if event.progress is not Progress.STARTING:
        _out.print(f"  {event.name:<22} {event.elapsed_s:6.1f} s  {event.detail}")
