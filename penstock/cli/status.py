"""`penstock status`: every part, and how the rows flow."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from penstock.cli.table import make_table, plain_console, print_table
from penstock.config import Config, load_config
from penstock.console.plain import duration
from penstock.pipeline.state import Reading, read_flow
from penstock.project.workspace import Workspace
from penstock.stack.health import PartHealth, part_healths
from penstock.stack.named import refuse_other_name

_out = plain_console()
_WATCH_S = 2


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(status)


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again every 2 seconds.")] = False,
) -> None:
    """Show every part, connector and what waits on the way. Exit 1 when something is not as it should be.

    Example: `penstock status --json`
    """
    if watch and as_json:
        raise typer.BadParameter("--watch draws tables; ask for --json as often as you need it")
    config = load_config()
    refuse_other_name(config)
    while watch:
        healths, readings = _look(config)
        _out.clear()
        _print_status(healths, readings)
        time.sleep(_WATCH_S)
    healths, readings = _look(config)
    if as_json:
        found = {"parts": [asdict(each) for each in healths], "flow": [asdict(each) for each in readings]}
        typer.echo(json.dumps(found, indent=2))
    else:
        _print_status(healths, readings)
    is_well = all(health.answers for health in healths) and all(reading.is_well for reading in readings)
    raise typer.Exit(0 if is_well else 1)


def _look(config: Config) -> tuple[list[PartHealth], list[Reading]]:
    """Look at the parts and, where any of them runs, at the flow."""
    healths = part_healths(config)
    if not any(each.pid or each.answers for each in healths):
        return healths, [Reading("pipeline", "nothing runs: `penstock up` starts it", is_well=False)]
    return healths, read_flow(Workspace(config))


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
        table.add_row(
            health.name,
            health.state,
            pid,
            duration(health.up_s) if health.up_s else "-",
            memory,
            health.address,
            style=style,
        )
    table.add_row("in all", "", "", "", f"{sum(health.memory_mb for health in healths):,.0f}", "")
    return table


def memory_gb(config: Config) -> float:
    """Return the memory of all processes of the stack, in GB."""
    return sum(health.memory_mb for health in part_healths(config)) / 1024
