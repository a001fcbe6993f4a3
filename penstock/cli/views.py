"""`penstock views …`: the wiring and the printing over `penstock.views`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from penstock_views.declaration.views import View

from penstock.cli.table import make_table, print_table
from penstock.config import Config, load_config
from penstock.errors import TerminalError
from penstock.pipeline.followed import paused_views
from penstock.postgres.connection import PostgresUnreachable
from penstock.project.connector_lists import read_lists
from penstock.project.folders import Project, sources_of
from penstock.project.views import pick_view
from penstock.project.workspace import Workspace
from penstock.stack.alone import alone
from penstock.views.apply import apply_views
from penstock.views.check import Checked, check
from penstock.views.drop import drop_views, refuse_declared
from penstock.views.epoch import begin_epochs
from penstock.views.make import Fate, NewViews, new_views
from penstock.views.pause import pause, resume
from penstock.views.rebuild import rebuild
from penstock.views.repair import repair
from penstock.views.write import write_derived

group = typer.Typer(
    help="Make, check, apply, mend and drop the views; their functions are in `spark/views`.\n\n"
    "Example: `penstock views new public.orders`",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(metavar="VIEW", help="The view: the name of its function.")]
Rate = Annotated[int | None, typer.Option(min=1, metavar="ROWS", help="Read at most so many rows a second to fill.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class TableFileMissing(TerminalError):
    """Views were declared, and their tables not yet written."""

    def __init__(self, views: list[str]) -> None:
        have = "has no table file" if len(views) == 1 else "have no table files"
        super().__init__(
            f"{', '.join(views)} {have} yet: `penstock views write` makes {'it' if len(views) == 1 else 'them'}"
        )


def register(app: typer.Typer) -> None:
    """Add `views` to the root application."""
    app.add_typer(group, name="views")


@group.command("list")
def list_views(as_json: Json = False) -> None:
    """Show every view as its file declares it, and whether it flows; Postgres alone is asked, for who is paused.

    Example: `penstock views list --json`
    """
    config = load_config()
    project = Project.of(config)
    views = Workspace(config).views
    states = _states(config, views)
    if as_json:
        records = [
            {
                "name": view.name,
                "kind": _kind(view),
                "source": view.source,
                "table": view.table,
                "key": view.key,
                "revision": view.revision,
                "state": states[view.name],
                "file": project.shown(view.file),
                "line": view.line,
            }
            for view in views
        ]
        print(json.dumps(records, indent=2))
        return
    table = make_table("view", "kind", "table", "key", "revision", "state", "declared at")
    for view in views:
        place = f"{project.shown(view.file)}:{view.line}"
        table.add_row(
            view.name, _kind(view), view.source_table, ", ".join(view.key), str(view.revision), states[view.name], place
        )
    print_table(table)


@group.command("check")
def check_views(as_json: Json = False) -> None:
    """Say everything that is wrong with the views, with file, line and cure; exit 1 when something is.

    Functions against their tables, the derived files against the functions, and the servers that answer against both.

    Example: `penstock views check`
    """
    checked = check(Workspace(load_config().reading))
    if as_json:
        print(json.dumps({"looked_at": checked.looked_at, "problems": [vars(each) for each in checked.problems]}))
    else:
        print_checked(checked)
    if checked.wrong:
        raise typer.Exit(1)


@group.command("new")
def new(
    tables: Annotated[
        list[str],
        typer.Argument(
            metavar="TABLE…",
            help="Tables as SQL writes them, `orders`, `sales.\"Order Items\"`, or patterns: `'sales.*'`; "
            "of a source database `'billing:public.*'`.",
        ),
    ],
    name: Annotated[str | None, typer.Option(help="The name of the one view; without it the table's.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be made and write nothing.")] = False,
) -> None:
    """Write a starting view of each table with all its columns, and everything derived from it; overwrite nothing.

    A table that has a view is left alone. Exit 1 when no view can be made of a table; those of the others are made.

    Example: `penstock views new 'sales.*' public.orders`
    """
    config = load_config()
    found = new_views(Workspace(config), tables, name=name, dry_run=dry_run)
    _print_outcomes(found, dry_run=dry_run)
    made = [outcome.view for outcome in found.outcomes if outcome.fate is Fate.MADE]
    for file in found.files if len(made) == 1 else ():
        print(f"wrote {Project.of(config).shown(file)}")
    if made and not dry_run:
        what = Project.of(config).shown(found.files[0]) if len(made) == 1 else "the functions in spark/views"
        print(
            f"Next: edit {what}, then `penstock views write` and `penstock views check`; "
            "`penstock views apply` makes it live"
        )
    if found.refused:
        raise typer.Exit(1)


def _print_outcomes(found: NewViews, *, dry_run: bool) -> None:
    table = make_table("table", "view", "would be" if dry_run else "is", "columns", "why, and what is left out")
    for each in found.outcomes:
        said = [each.reason] if each.reason else []
        said += [f"without {column}: {reason}" for column, reason in each.left_out.items()]
        table.add_row(each.table, each.view, each.fate, str(each.columns or ""), "\n".join(said))
    print_table(table)


@group.command("write")
def write(
    same_rows: Annotated[
        bool, typer.Option("--same-rows", help="A changed function gives the same rows: no new revision is needed.")
    ] = False,
) -> None:
    """Bring the derived files in step with the functions: contracts, tables, the connectors' lists.

    A function that changed while its view is live is refused until its revision has risen.

    Example: `penstock views write`
    """
    config = load_config()
    _print_files(config, write_derived(Workspace(config), same_rows=same_rows))


@group.command("ddl")
def ddl(name: Annotated[str | None, typer.Argument(metavar="[VIEW]", help="All when none is named.")] = None) -> None:
    """Print the Cassandra table of a view.

    Example: `penstock views ddl users_by_id`
    """
    config = load_config()
    views = Workspace(config).views
    files = {
        view.name: Project.of(config).table_file(view.name) for view in ([pick_view(views, name)] if name else views)
    }
    for file in filter(Path.exists, files.values()):
        print(file.read_text(encoding="utf-8"), end="")
    if missing := [name for name, file in files.items() if not file.exists()]:
        raise TableFileMissing(missing)


@group.command("apply")
def apply(rate: Rate = None) -> None:
    """Make the views live while the others keep running, and fill what is new from a snapshot of its table.

    Publication, replica identity, topics, subjects, tables, connectors, the job: what is as it should be is left alone.

    Example: `penstock views apply`
    """
    config = load_config()
    with alone(config, "penstock views apply") as turn:
        apply_views(Workspace(config), on_step=turn.noting(print_step), on_progress=print_progress, rate=rate)


@group.command("repair")
def repair_view(
    name: Name,
    key: Annotated[
        list[str] | None,
        typer.Argument(
            help="The primary key of one row: as one text, or a value for each column; every row without one."
        ),
    ] = None,
    rate: Rate = None,
) -> None:
    """Make a view right again while changes go on: read its table (or one row) again, then remove what should be gone.

    An aggregate is counted again from a snapshot of its table, always as a whole.

    Example: `penstock views repair users_by_id 0b2f7f0e-6a7b-4a8e-9a54-8f5d8c1d2e3f`
    """
    config = load_config()
    with alone(config, " ".join(["penstock views repair", name, *map(shlex.quote, key or ())])):
        removed = repair(Workspace(config), name, key or (), on_progress=print_progress, rate=rate)
    print(f"{name}: repaired, {removed:,} stale rows removed")


@group.command("rebuild")
def rebuild_view(
    name: Annotated[
        str | None, typer.Argument(metavar="[VIEW]", help="All, in a new epoch, when none is named.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Without a view: all of this source database, by its name in penstock.toml.")
    ] = None,
    rate: Rate = None,
) -> None:
    """Fill a view again, all of it, with the revision that its file has now, and remove every row of an older one.

    `penstock views apply` does the same by itself for a view whose revision has risen. Without a view all is read
    again while changes go on: a new replication slot has a snapshot, whose records win over all of before. That mends a
    lost slot, lost offsets and a restored database.

    Example: `penstock views rebuild users_by_country`
    """
    if name and source is not None:
        raise typer.BadParameter("a view has its source; --source is for all views of one, without a view's name")
    if rate and not name:
        raise typer.BadParameter("--rate is for one view: all views are read again by the source connector's snapshot")
    config = load_config()
    asked = [name] if name else ["--source", shlex.quote(source)] if source is not None else []
    with alone(config, " ".join(["penstock views rebuild", *asked])) as turn:
        on_step = turn.noting(print_step)
        if name is None:
            removed = begin_epochs(Workspace(config), source=source, on_step=on_step, on_progress=print_progress)
        else:
            removed = rebuild(Workspace(config), name, on_step=on_step, on_progress=print_progress, rate=rate)
    print(f"{name or 'all views'}: rebuilt, {removed:,} stale rows removed")


@group.command("pause")
def pause_view(name: Name) -> None:
    """Stop writing a view to Cassandra; its records wait in their topic, as long as its retention.

    Example: `penstock views pause users_by_country`
    """
    config = load_config()
    with alone(config, f"penstock views pause {name}"):
        print(f"{name}: {'paused' if pause(Workspace(config), name) else 'was paused'}")


@group.command("resume")
def resume_view(name: Name) -> None:
    """Go on writing a view to Cassandra from where it was paused.

    Example: `penstock views resume users_by_country`
    """
    config = load_config()
    with alone(config, f"penstock views resume {name}"):
        print(f"{name}: {'flows again' if resume(Workspace(config), name) else 'was flowing'}")


@group.command("drop")
def drop(
    names: Annotated[list[str], typer.Argument(metavar="VIEW...", help="The views: the names of their functions.")],
    yes: Annotated[bool, typer.Option("--yes", help="Delete their rows and records without asking.")] = False,
) -> None:
    """Remove all that is left of views whose functions you have deleted: topics, subjects, tables, files, mappings.

    Example: `penstock views drop orders order_lines --yes`
    """
    config = load_config()
    workspace, names = Workspace(config), list(dict.fromkeys(names))
    refuse_declared(workspace, names)
    if not yes:
        keyspace = config.names.keyspace
        held = ", ".join(f"the topic {config.names.view_topic(name)} and the table {keyspace}.{name}" for name in names)
        typer.confirm(f"Delete {held}?", abort=True)
        workspace = workspace.fresh()  # a function may be back since the question
    with alone(config, f"penstock views drop {' '.join(names)}") as turn:
        drop_views(workspace, names, on_step=turn.noting(print_step))


def print_step(name: str, said: str) -> None:
    """Print one line for a step that is done."""
    print(f"  {name:<22} {said}", flush=True)


def print_progress(line: str) -> None:
    """Print one line of how it goes."""
    print(f"  {'':<22} {line}", flush=True)


def print_checked(checked: Checked) -> None:
    """Print what is wrong, then what is only not live yet."""
    for problem in (*checked.wrong, *(each for each in checked.problems if each.is_pending)):
        print(f"{problem.where}: {problem.what}\n    {'to do' if problem.is_pending else 'cure'}: {problem.cure}")
    looked = ", ".join(checked.looked_at)
    verdict = f"{len(checked.wrong)} wrong" if checked.wrong else "nothing wrong"
    pending = len(checked.problems) - len(checked.wrong)
    print(f"{len(checked.views)} views, {verdict}, {pending} to do (looked at: {looked})")


def _print_files(config: Config, files: Iterable[Path]) -> None:
    project = Project.of(config)
    written = [f"wrote {project.shown(file)}" for file in files]
    print("\n".join(written) or "everything was in step")


def _kind(view: View) -> str:
    return "row" if type(view) is View else type(view).__name__.lower()


def _states(config: Config, views: Iterable[View]) -> dict[str, str]:
    listed = read_lists(Project.of(config)).flowing
    try:
        paused, flows = paused_views(*sources_of(config)), "flows"
    except PostgresUnreachable:
        paused, flows = frozenset(), "flows, or is paused: Postgres does not answer"
    states = {view.name: flows if view.name in listed else "not in the sink's file" for view in views}
    return states | {name: "paused" for name in paused if name in states}
