"""`penstock doctor`: the wiring and the printing over `penstock.doctor`."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from penstock.cli.table import plain_console
from penstock.config import load_config
from penstock.doctor.examine import examine
from penstock.doctor.finding import Examined, Finding, Weight, count
from penstock.doctor.rights import as_text, roles
from penstock.project.workspace import Workspace

_out = plain_console()
_INDENT = 11
_PIPE_WIDTH = 400
_STYLE = {Weight.OK: "green", Weight.WARNING: "yellow", Weight.STOPS: "bold red"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    sql: Annotated[
        bool, typer.Option("--sql", help="Ask nobody: print each role's GRANTs and ACLs, as these settings need them.")
    ] = False,
) -> None:
    """Look at every server that penstock.toml names, ours or not, and say what is missing and what cures it.

    Nothing is changed. Exit 1 when something keeps Penstock or a view from working, 0 with warnings.

    Example: `penstock doctor`

    Example: `penstock doctor --json | jq '.servers[].findings[] | select(.weight == "stops")'`

    Example: `penstock doctor --sql`
    """
    workspace = Workspace(load_config())
    if sql:
        first, *further = workspace.sources
        of_further = {each.config.source: each.tables for each in further}
        typer.echo(as_text(roles(first.config, first.tables, of_further)))
        return
    found = examine(workspace)
    if as_json:
        typer.echo(json.dumps(_document(found), indent=2, ensure_ascii=False))
    else:
        _print(found)
    raise typer.Exit(1 if count(found, Weight.STOPS) else 0)


def _document(found: Sequence[Examined]) -> dict[str, object]:
    return {
        "stops": count(found, Weight.STOPS),
        "warnings": count(found, Weight.WARNING),
        "servers": [asdict(each) for each in found],
    }


def _print(found: Sequence[Examined]) -> None:
    for each in found:
        _out.print(Text.assemble("\n", (each.name, "bold"), f"  {each.address}"))
        for finding in each.findings:
            _print_finding(finding)
    stop, warn = count(found, Weight.STOPS), count(found, Weight.WARNING)
    stopping = _said(stop, "thing stops", "things stop") if stop else "nothing stops"
    said = f"{stopping} Penstock, {_said(warn, 'warning', 'warnings')}."
    _out.print(f"\n{said[0].upper()}{said[1:]}")


def _print_finding(finding: Finding) -> None:
    """Print what was seen, and below it the cure: whole, so that it can be copied."""
    width = _out.width - _INDENT if _out.is_terminal else _PIPE_WIDTH
    for number, line in enumerate(textwrap.wrap(finding.what, max(width, _INDENT))):
        weight = "" if number else finding.weight.value
        _out.print(Text.assemble("  ", (f"{weight:<{_INDENT - 2}}", _STYLE[finding.weight]), line))
    if finding.cure:
        _out.print(Text(f"{' ' * _INDENT}→ {finding.cure}", style="cyan"))


def _said(number: int, one: str, more: str) -> str:
    return f"{number or 'no'} {one if number == 1 else more}"
