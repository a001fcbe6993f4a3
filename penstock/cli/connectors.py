"""`penstock connectors …`: the wiring and the printing over `penstock.connect`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated

import typer

from penstock.cli.table import make_table, print_table
from penstock.config import load_config
from penstock.connect.api import ConnectApi, ConnectorOverview
from penstock.connect.apply import Applied, Change, apply_connectors, validate_connectors, wait_running
from penstock.connect.reasons import reasons
from penstock.connect.secrets import hidden_in, hide_changes
from penstock.connect.watch_file import Watched, describe, read_watched
from penstock.layout import Layout
from penstock.pipeline.unwritten import place_views_sink
from penstock.project.connectors import declared_connectors
from penstock.project.workspace import Workspace
from penstock.setup.connectors import wanted_connectors

group = typer.Typer(
    help="Manage the connectors; their files are `connect/connectors/NAME.json`.\n\n"
    "Example: `penstock connectors apply --dry-run`",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="The connector: the stem of its file.")]
Names = Annotated[list[str] | None, typer.Argument(help="Connectors (file stems); all files when none is named.")]


def register(app: typer.Typer) -> None:
    """Add `connectors` to the root application."""
    app.add_typer(group, name="connectors")


def _api() -> ConnectApi:
    return ConnectApi(load_config().connect.url)


@group.command("list")
def list_connectors(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show every connector of the worker with the state of its tasks, the reason of a failure and its restarts.

    Example: `penstock connectors list --json`
    """
    config = load_config()
    with _api() as api:
        found = [overview for _, overview in sorted(api.connectors().items())]
    watched = read_watched(Layout.of(config).watch_file, url=config.connect.url)
    if as_json:
        records = [_as_record(overview, watched.get(overview.status.name)) for overview in found]
        print(json.dumps(records, indent=2))
    else:
        _print_list(found, watched)


@group.command("apply")
def apply(
    names: Names = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would change and change nothing.")] = False,
    timeout_s: Annotated[float, typer.Option("--timeout", min=1, help="Seconds for everything together.")] = 90,
) -> None:
    """Give the worker the connector files: validate all, change only what differs, wait until all tasks run.

    Example: `penstock connectors apply users-postgres-source --dry-run`
    """
    config = load_config()
    workspace = Workspace(config)
    files = wanted_connectors(workspace, names=names or ())
    with _api() as api:
        if not dry_run:
            place_views_sink(workspace, api, files)
        results = apply_connectors(api, files=files, dry_run=dry_run, timeout_s=timeout_s)
    for result in results:
        _print_applied(result, dry_run=dry_run)


@group.command("validate")
def validate(names: Names = None) -> None:
    """Ask the worker whether the connector files are right; nothing is applied.

    Example: `penstock connectors validate cassandra-views-sink`
    """
    files = declared_connectors(load_config(), names=names or ())
    with _api() as api:
        validate_connectors(api, files=files)
    for file in files:
        print(f"{file.name}: valid")


@group.command("restart")
def restart(
    name: Name,
    only_failed: Annotated[bool, typer.Option("--only-failed", help="Leave alone what is running.")] = False,
) -> None:
    """Restart a connector and its tasks and wait until they run.

    Example: `penstock connectors restart cassandra-views-sink --only-failed`
    """
    with _api() as api:
        api.restart(name, only_failed=only_failed)
        wait_running(api, name)
    print(f"{name}: running")


@group.command("pause")
def pause(name: Name) -> None:
    """Pause a connector; it keeps its place, and stays paused when the worker restarts.

    Example: `penstock connectors pause users-postgres-source`
    """
    with _api() as api:
        api.config(name)  # a pause of an unknown connector is accepted by the worker without a word
        api.pause(name)
    print(f"{name}: pausing; Postgres keeps its WAL for a paused source")


@group.command("resume")
def resume(name: Name) -> None:
    """Resume a paused connector and wait until its tasks run.

    Example: `penstock connectors resume users-postgres-source`
    """
    with _api() as api:
        api.config(name)
        api.resume(name)
        wait_running(api, name)
    print(f"{name}: running")


@group.command("delete")
def delete(name: Name) -> None:
    """Delete a connector from the worker; its file, its offsets and what it wrote stay.

    Example: `penstock connectors delete cassandra-views-sink`
    """
    with _api() as api:
        api.delete(name)
    print(f"{name}: deleted")


def _as_record(overview: ConnectorOverview, watched: Watched | None) -> dict[str, object]:
    status = overview.status
    return {
        "name": status.name,
        "type": status.type,
        "class": overview.info.config.get("connector.class"),
        "state": status.summary,
        "worker": status.connector.worker_id,
        "tasks": [task.model_dump() for task in status.tasks],
        "traces": [hidden_in(trace) for trace in status.traces],
        "watcher": watched.model_dump(include={"restarts", "next_try_in_s"}) if watched else None,
    }


def _print_list(found: list[ConnectorOverview], watched: Mapping[str, Watched]) -> None:
    if not found:
        print("no connectors yet; `penstock connectors apply` creates them from connect/connectors")
        return
    table = make_table("connector", "type", "state", "tasks", "reason", "watcher")
    for overview in found:
        status = overview.status
        tasks = ", ".join(f"{task.id} {task.state}" for task in status.tasks) or "none"
        reason = hidden_in("; ".join(reasons(status)))
        restarts = describe(watched[status.name]) if status.name in watched else ""
        table.add_row(status.name, status.type, status.summary, tasks, reason, restarts)
    print_table(table)


def _print_applied(result: Applied, *, dry_run: bool) -> None:
    print(f"{result.name}: {'would be ' if dry_run else ''}{result.outcome}")
    for change in hide_changes(result.changes) if dry_run else ():
        print(f"  {_describe(change)}")


def _describe(change: Change) -> str:
    if change.before is None:
        return f"+ {change.key} = {change.after}"
    if change.after is None:
        return f"- {change.key} = {change.before}"
    return f"~ {change.key}: {change.before} -> {change.after}"
