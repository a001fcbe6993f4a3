"""`penstock verify`: the wiring and the printing over `penstock.verify`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from functools import partial
from typing import Annotated

import typer

from penstock.cli.table import make_table, print_table
from penstock.config import load_config
from penstock.project.workspace import Workspace
from penstock.verify.model import Difference, Kind, ViewResult
from penstock.verify.run import DEFAULT_PATIENCE_S, run_verify

_VALUE_LIMIT = 60


def register(app: typer.Typer) -> None:
    """Add `verify` to the root application."""
    app.command("verify")(verify_views)


def verify_views(
    views: Annotated[list[str] | None, typer.Argument(help="Views; all when none is named.")] = None,
    patience: Annotated[
        float, typer.Option(min=0, help="Seconds that the pipeline may be stalled before a row that differs counts.")
    ] = DEFAULT_PATIENCE_S,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail also where rows of the table have no row in the view.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare every row of Cassandra's views with what Postgres says they must hold; exit 1 on any difference.

    Changes may go on meanwhile: a row that differs counts when it still does after everything that Postgres held
    before has come through the pipeline. With `--patience 0` what is there now is compared.

    Rows of the table that a view cannot hold (dead letters, docs/types.md) are counted with their reasons.

    Example: `penstock verify users_by_id --json`
    """
    results = run_verify(
        Workspace(load_config()), views or (), on_progress=partial(print, file=sys.stderr), patience_s=patience
    )
    if as_json:
        print(json.dumps([result.as_json() for result in results], indent=2))
    else:
        print_results(results)
    if not all(result.is_equal and not (strict and result.no_row) for result in results):
        raise typer.Exit(1)


def print_results(results: Sequence[ViewResult]) -> None:
    """Print a table of the views and, below it, why some have no result, which rows have none, and which differ."""
    table = make_table("view", "Postgres", "Cassandra", *Kind, "no row", "result")
    for result in results:
        table.add_row(result.view, *_figures(result), _verdict(result))
    print_table(table)
    for result in results:
        if result.stopped is not None:
            print(f"{result.view}: stopped: {result.stopped}")
        for absence in result.absences:
            print(f"{result.view}: {_rows(absence.rows)} no row: {absence.reason} (for example {absence.example})")
        for difference in result.differences:
            print(_describe(result.view, difference))


def _figures(result: ViewResult) -> list[str]:
    """Write what was counted; of a view that could not be read, nothing was."""
    figures = [result.expected_rows, result.actual_rows, *(result.counts[kind] for kind in Kind), result.no_row]
    return [f"{figure:,}" if result.stopped is None else "" for figure in figures]


def _verdict(result: ViewResult) -> str:
    if result.stopped is not None:
        return "STOPPED"
    return "equal" if result.is_equal else "DIFFERENT"


def _rows(number: int) -> str:
    return "1 row of the table has" if number == 1 else f"{number:,} rows of the table have"


def _describe(view: str, difference: Difference) -> str:
    key = ", ".join(f"{column}={value}" for column, value in difference.key.items())
    lines = [f"{view}: {difference.kind}: {key}"]
    for column in difference.columns:
        lines.append(f"  {column.column}: Postgres {_short(column.expected)}, Cassandra {_short(column.actual)}")
    return "\n".join(lines)


def _short(value: str | None) -> str:
    if value is None:
        return "NULL"
    shown = repr(value)
    return shown if len(shown) <= _VALUE_LIMIT else f"{shown[:_VALUE_LIMIT]}… ({len(value)} characters)"
