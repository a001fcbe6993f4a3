"""The commands of the stack's life: up, down, reset, status, logs."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from penstock.cli.table import make_table, print_table
from penstock.config import Config, load_config
from penstock.errors import TerminalError
from penstock.layout import Layout
from penstock.pipeline.flow import Reading, read_flow
from penstock.stack import stack
from penstock.stack.health import PartHealth, part_healths
from penstock.stack.start import Event, Progress
from penstock.stack.stop import reset as reset_stack
from penstock.stack.stop import stop
from penstock.stack.theirs import NotOurs, left_behind

_out = Console(highlight=False, soft_wrap=True)
_WATCH_S = 2


class UnknownPart(TerminalError):
    """A name that is no part of the stack."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"there is no part {name!r}; the parts are: {', '.join(known)}")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(down)
    app.command()(reset)
    app.command()(status)
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
    if not yes:
        typer.confirm(f"Delete everything in {config.state_dir}?", abort=True)
    reset_stack(config, on_stopped=lambda name: _out.print(f"  {name:<22} stopped"))
    _out.print(f"Deleted {config.state_dir}")
    if left := left_behind(config):
        _out.print("\nIn the servers that are not ours these are left, and what removes them:")
        for line in left:
            _out.print(f"  {line}")


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show it anew every 2 seconds.")] = False,
) -> None:
    """Show every part, connector and what waits on the way. Exit 1 when something is not as it should be.

    Example: `penstock status --json`
    """
    config = load_config()
    while watch:
        healths, readings = part_healths(config), read_flow(config)
        _out.clear()
        _print_status(healths, readings)
        time.sleep(_WATCH_S)
    healths, readings = part_healths(config), read_flow(config)
    if as_json:
        found = {"parts": [asdict(each) for each in healths], "flow": [asdict(each) for each in readings]}
        typer.echo(json.dumps(found, indent=2))
    else:
        _print_status(healths, readings)
    is_well = all(health.answers for health in healths) and all(reading.is_well for reading in readings)
    raise typer.Exit(0 if is_well else 1)


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
        raise UnknownPart(part, list(known))
    if part in known and known[part].elsewhere:
        raise NotOurs(known[part])
    log = Layout.of(config).log(part)
    os.execvp("tail", ["tail", "-n", str(lines), *(["-F"] if follow else []), str(log)])  # noqa: S606, S607


def print_event(event: Event) -> None:
    """Print one line for each part or step that is ready."""
    if event.progress is Progress.READY:
        _out.print(f"  {event.name:<22} {event.elapsed_s:6.1f} s  {event.detail}")


def _print_status(healths: list[PartHealth], readings: list[Reading]) -> None:
    print_table(_status_table(healths))
    flow = make_table("flow", "seen")
    for reading in readings:
        flow.add_row(reading.name, reading.seen, style=None if reading.is_well else "red")
    print_table(flow)


def _status_table(healths: list[PartHealth]) -> Table:
    table = make_table("part", "state", "pid", "up", "MB", "listens on")
    table.columns[4].justify = "right"
    for health in healths:
        pid = str(health.pid) if health.pid else "-"
        memory = f"{health.memory_mb:,.0f}" if health.pid else "-"
        style = None if health.answers else "red"
        table.add_row(health.name, health.state, pid, _duration(health.up_s), memory, health.address, style=style)
    table.add_row("in all", "", "", "", f"{sum(health.memory_mb for health in healths):,.0f}", "")
    return table


def _duration(seconds: int) -> str:
    if not seconds:
        return "-"
    hours, rest = divmod(seconds, 3600)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"


def memory_gb(config: Config) -> float:
    """Return the memory of all processes of the stack, in GB."""
    return sum(health.memory_mb for health in part_healths(config)) / 1024
