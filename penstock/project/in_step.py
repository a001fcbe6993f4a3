"""Checks that the derived files agree with each other and with the views; reads files only, and starts no Spark."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from penstock_views.declaration.views import View

from penstock.cassandra.table_file import TableShape, differences, read_shape, refused_options
from penstock.connect.files import ConnectorFileInvalid
from penstock.errors import TerminalError
from penstock.installation import VIEW_FILES
from penstock.project.connector_lists import formerly_paused, read_lists
from penstock.project.folders import Project
from penstock.project.tables import shape_of

WRITE = "`penstock views write` brings it in step"


@dataclass(frozen=True)
class Problem:
    """One thing that is not as it should be.

    :param is_pending: it is only not live yet: `penstock views apply` does it.
    :param is_of_table: the view's table cannot be followed; `apply` leaves this view out and goes on with the others.
    :param view: the name of the view whose function and contract do not fit each other, or its table, any more.
    """

    where: str
    what: str
    cure: str
    is_pending: bool = False
    is_of_table: bool = False
    view: str = ""


class ViewsWrong(TerminalError):
    """The check found something that must not go live.

    :param done: what was not done.
    """

    def __init__(self, problems: Sequence[Problem], done: str = "applied") -> None:
        listed = "\n  ".join(map(_line, problems))
        super().__init__(f"nothing was {done}:\n  {listed}")


class ViewsLeftOut(TerminalError):
    """Some views are not live, since their tables cannot be followed or they are stopped; the others are."""

    def __init__(self, problems: Sequence[Problem], reasons: Iterable[str] = ()) -> None:
        listed = "\n  ".join([*map(_line, problems), *reasons])
        super().__init__(f"left out, all others were applied:\n  {listed}")


def _line(problem: Problem) -> str:
    return f"{problem.where}: {problem.what}\n      cure: {problem.cure}"


def refuse_out_of_step(project: Project, views: Sequence[View]) -> None:
    """Hold the derived files against each other, at once and without Spark: what `up` does before it starts anything.

    :raises ViewsWrong: with everything that is out of step.
    """
    problems = [problem for view in views for problem in _check_written(project, view)]
    problems += [*check_connectors(project, views), *check_topics(project, views)]
    problems += check_left_overs(project, views)
    if problems:
        raise ViewsWrong(problems)


def _check_written(project: Project, view: View) -> Iterator[Problem]:
    """Hold a view's key and table file against its written contract."""
    files = [project.avro / name for name in view.contract_files]
    missing = [file for file in (*files, project.table_file(view.name)) if not file.exists()]
    for file in missing:
        yield Problem(project.shown(file), f"view {view.name} has no such file", WRITE)
    if missing:
        return
    key, value = (json.loads(file.read_text(encoding="utf-8")) for file in files)
    wanted = shape_of(view, value, key)
    where = project.shown(project.table_file(view.name))
    found = read_shape(project.table_file(view.name))
    for difference in differences(found, wanted):
        yield Problem(where, difference.what, WRITE)
    yield from check_options(project, project.table_file(view.name), found)


def check_connectors(project: Project, views: Sequence[View]) -> Iterator[Problem]:
    """Hold the connectors' lists against the views."""
    try:
        lists = read_lists(project)
        captured = {name: read_lists(project.of_source(name)).tables for name in ("", *sorted(_sources(views)))}
    except ConnectorFileInvalid as exc:
        yield Problem("connect/connectors", str(exc), "mend the file")
        return
    listed = {*lists.mapped} & {*lists.flowing} | formerly_paused(project)
    for view in [view for view in views if view.name not in listed]:
        yield Problem(
            project.shown(project.sink_file), f"view {view.name} is not in `topics`, or has no mapping", WRITE
        )
    for name, tables in captured.items():
        yield from _check_captured(project.of_source(name), tables, [view for view in views if view.source == name])


def _sources(views: Sequence[View]) -> set[str]:
    return {view.source for view in views} - {""}


def _check_captured(project: Project, tables: Sequence[str], views: Sequence[View]) -> Iterator[Problem]:
    """Hold the tables in the file of a source's connector against the views of the source."""
    source = project.source_file
    if not source.exists():
        yield Problem(project.shown(source), f"source {project.source} has no connector", WRITE)
        return
    for table in sorted({view.table for view in views} - set(tables)):
        yield Problem(f"{project.shown(source)}:{line_of(source, 'table.include.list')}", f"{table} is missing", WRITE)
    for table in [table for table in tables if table not in {view.table for view in views}]:
        where = f"{project.shown(source)}:{line_of(source, 'table.include.list')}"
        yield Problem(where, f"{table} is captured and no view needs it", WRITE)


def check_left_overs(project: Project, views: Sequence[View]) -> Iterator[Problem]:
    """Find the files and lines of views that no function makes any more."""
    names = {view.name for view in views}
    kept = {
        file.name.split("-")[0].removeprefix(VIEW_FILES): file
        for file in project.avro.glob(f"{VIEW_FILES}*-value.avsc")
    }
    for name, file in sorted(kept.items()):
        if name not in names:
            yield Problem(
                project.shown(file), f"no function makes view {name} any more", f"`penstock views drop {name}`"
            )


def check_topics(project: Project, views: Sequence[View]) -> Iterator[Problem]:
    """Find tables whose topics Kafka does not let be together: their names differ only where one has a dot."""
    first: dict[str, View] = {}
    for view in views:
        other = first.setdefault(view.source_topic.replace(".", "_"), view)
        if other.source_topic != view.source_topic:
            tables = f"{view.source_table} from that of {other.source_table}"
            what = f"Kafka does not tell the topic of {tables}, which view {other.name} has"
            yield problem_of(project, view, what, "rename one of the tables or schemas")


def check_options(project: Project, file: Path, found: TableShape) -> Iterator[Problem]:
    """Find the options of a table file that would lose rows."""
    for refused, option in refused_options(found):
        line = line_of(file, option.split(" ")[0])
        yield Problem(f"{project.shown(file)}:{line}", refused, f"write {option} there, or nothing of it")


def problem_of(
    project: Project, view: View, what: str, cure: str, *, is_pending: bool = False, is_of_table: bool = False
) -> Problem:
    """Make a problem of a view, at the line that declares it."""
    where = f"{project.shown(view.file)}:{view.line}"
    return Problem(where, f"view {view.name}: {what}", cure, is_pending, is_of_table, view.name)


def line_of(file: Path, text: str) -> int:
    """Find the first line of a file that has this text; 1 when none has."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return next((number for number, line in enumerate(lines, start=1) if text.lower() in line.lower()), 1)
