"""The command `load`: users of the API into Postgres, through Airflow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from penstock.cli.table import plain_console
from penstock.config import load_config
from penstock.loads.airflow_api import AirflowApi
from penstock.loads.load import DEFAULT_SEED, LoadResult, Progress, Run, follow, trigger_load

# Progress and notes go to stderr: stdout holds the result only, so that `--json` can be piped.
_err = plain_console(stderr=True)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(load)


def load(
    users: Annotated[int, typer.Option("--users", min=1, max=1_000_000, help="How many users.")] = 1000,
    seed: Annotated[str, typer.Option("--seed", help="Same seed, same users.")] = DEFAULT_SEED,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Load users of the API into Postgres through Airflow and follow the run. Twice the same load writes nothing.

    Example: `penstock load --users 1000 --seed spring`
    """
    config = load_config()
    with AirflowApi(config.airflow.url) as api:
        result = run_load(api, config.names.dag, users=users, seed=seed)
    typer.echo(json.dumps(asdict(result)) if as_json else _in_words(result))


def run_load(api: AirflowApi, dag: str, *, users: int, seed: str = DEFAULT_SEED) -> LoadResult:
    """Start a load and follow it on the terminal: a bar, or plain lines when stderr is no terminal."""
    run = trigger_load(api, dag, users=users, seed=seed)
    shown = _bar(run) if _err.is_terminal else _plain_lines(run)
    with shown as on_progress:
        return follow(api, run, on_progress=on_progress)


def _in_words(result: LoadResult) -> str:
    return (
        f"{result.fetched} users fetched: {result.written} written, {result.unchanged} unchanged,"
        f" {result.rejected} rejected" + (" (see loader.rejected_users in Postgres)" if result.rejected else "")
    )


@contextmanager
def _bar(run: Run) -> Iterator[Callable[[Progress], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=_err) as bar:
        task = bar.add_task("API → Postgres", total=run.users)
        yield lambda progress: bar.update(task, completed=progress.fetched, description=_described(progress))


@contextmanager
def _plain_lines(run: Run) -> Iterator[Callable[[Progress], None]]:
    last: list[str] = []

    def show(progress: Progress) -> None:
        line = f"{_described(progress)}: {progress.fetched} of {run.users} users"
        if last != [line]:
            _err.print(line)
            last[:] = [line]

    yield show


def _described(progress: Progress) -> str:
    """Say in what state the run is; a try after the first is worth a word."""
    again = f", try {progress.try_number}" if progress.try_number > 1 else ""
    return f"API → Postgres ({progress.state.replace('_', ' ')}{again})"
