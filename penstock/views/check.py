"""Everything that is wrong with the views, at once, before anything starts: where, what, and what to do.

The functions are held against their tables, the derived files against the functions, and the live servers, as far as
they answer, against the files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cassandra.metadata import protect_name
from penstock_views.contracts import ContractBroken, check_contracts
from penstock_views.declare import View, ViewInvalid
from penstock_views.key_form import has_scale
from penstock_views.load import load_each
from pyspark.sql import SparkSession

from penstock.cassandra.session import CassandraUnreachable, open_session
from penstock.config import Config
from penstock.connect.files import ConnectorFileInvalid
from penstock.errors import PenstockError, TerminalError
from penstock.installation import SINK_FILE, SOURCE_FILE, VIEW_FILES
from penstock.local_spark import local_spark
from penstock.project import Project
from penstock.views.catalogue import LiveTable, PostgresAway, TableMissing, connect, published_tables
from penstock.views.connector_lists import formerly_paused, read_lists
from penstock.views.cql import (
    CqlFileUnclear,
    TableShape,
    differences,
    read_shape,
    refused_options,
    shape_of,
    shape_of_table,
)
from penstock.views.derived import Derived, cql_file, derive
from penstock.views.fills import replaced
from penstock.views.lives import lives_of
from penstock.views.silent import silent_changes
from penstock.views.sources import live_tables, table_of

WRITE = "`penstock views write` brings it in step"


@dataclass(frozen=True)
class Problem:
    """One thing that is not as it should be.

    :param is_pending: it is only not live yet: `penstock views apply` does it.
    :param is_of_table: the view's table cannot be followed; `apply` leaves this view out and goes on with the others.
    """

    where: str
    what: str
    cure: str
    is_pending: bool = False
    is_of_table: bool = False


@dataclass(frozen=True)
class Checked:
    """What a check found.

    :param looked_at: what answered, so that nobody takes silence for health.
    """

    views: tuple[View, ...]
    derived: tuple[Derived, ...]
    problems: tuple[Problem, ...]
    looked_at: tuple[str, ...]

    @property
    def wrong(self) -> tuple[Problem, ...]:
        """The problems that stop an apply."""
        return tuple(problem for problem in self.problems if not problem.is_pending)


def check(config: Config) -> Checked:
    """Look at everything; servers that do not answer are left out, and said."""
    project = Project.of(config)
    views, broken = load_each(project.views, config.names)
    live = live_tables(config, views)
    problems = [_of_error(project, exc, "correct the file") for exc in broken]
    with local_spark(config, name="views-spark") as spark:
        derived, refused = _derive_all(spark, project, views, live)
    problems += refused
    for each in derived:
        problems += _check_files(project, each)
    problems += _check_connectors(project, views)
    problems += _check_topics(project, views)
    problems += _check_left_overs(project, views)
    looked_at = ["view files"]
    if live is not None:
        looked_at.append("Postgres")
        problems += _check_postgres(config, views, live)
        problems += _check_sources(config, views)
    if (tables := _cassandra_tables(config)) is not None:
        looked_at.append("Cassandra")
        problems += [problem for each in derived for problem in _check_table(each, tables.get(each.view.name))]
    return Checked(views, tuple(derived), tuple(problems), tuple(looked_at))


class ViewsWrong(TerminalError):
    """The check found something that must not go live."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(f"nothing was applied:\n  {_listed(problems)}")


class ViewsLeftOut(TerminalError):
    """Some views are not live, since their tables cannot be followed; the others are."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(f"left out, all others were applied:\n  {_listed(problems)}")


def _listed(problems: Sequence[Problem]) -> str:
    return "\n  ".join(f"{each.where}: {each.what}\n      cure: {each.cure}" for each in problems)


def refuse_out_of_step(project: Project, views: Sequence[View]) -> None:
    """Hold the derived files against each other, at once and without Spark: what `up` does before it starts anything.

    :raises ViewsWrong: with everything that is out of step.
    """
    problems = [problem for view in views for problem in _check_written(project, view)]
    problems += [*_check_connectors(project, views), *_check_topics(project, views)]
    problems += _check_left_overs(project, views)
    if problems:
        raise ViewsWrong(problems)


def _check_written(project: Project, view: View) -> Iterator[Problem]:
    """Hold a view's key and table file against its written contract."""
    files = [project.avro / f"{view.contract}-{part}.avsc" for part in ("key", "value")]
    missing = [file for file in (*files, cql_file(project, view)) if not file.exists()]
    for file in missing:
        yield Problem(project.shown(file), f"view {view.name} has no such file", WRITE)
    if missing:
        return
    key, value = (json.loads(file.read_text(encoding="utf-8")) for file in files)
    wanted = shape_of(view, value, key)
    where = project.shown(cql_file(project, view))
    found = read_shape(cql_file(project, view))
    for difference in differences(found, wanted):
        yield Problem(where, difference, WRITE)
    yield from _check_options(project, cql_file(project, view), found)


def _derive_all(
    spark: SparkSession, project: Project, views: Sequence[View], live: dict[str, LiveTable | TableMissing] | None
) -> tuple[list[Derived], list[Problem]]:
    derived, problems = [], []
    for view in views:
        try:
            derived.append(derive(spark, view, table_of(project, live, view.table)))
        except ViewInvalid as exc:
            problems.append(_of_error(project, exc, "correct the function or its @view line"))
        except PenstockError as exc:
            problems.append(_of_view(project, view, str(exc), "create the table, or correct the @view line"))
    return derived, problems


def _of_error(project: Project, error: PenstockError, cure: str) -> Problem:
    where, _, what = str(error).replace(f"{project.root}/", "").partition(": ")
    return Problem(where, what, cure)


def _of_view(
    project: Project, view: View, what: str, cure: str, *, is_pending: bool = False, is_of_table: bool = False
) -> Problem:
    where = f"{project.shown(view.file)}:{view.line}"
    return Problem(where, f"view {view.name}: {what}", cure, is_pending, is_of_table)


def _check_files(project: Project, derived: Derived) -> Iterator[Problem]:
    for contract in (derived.key, derived.value):
        try:
            check_contracts(project.avro, [contract])
        except ContractBroken as exc:
            where = project.shown(project.avro / contract.file_name)
            yield Problem(where, exc.problem, f"if the function is right: {WRITE}")
    file = cql_file(project, derived.view)
    where = project.shown(file)
    if not file.exists():
        yield Problem(where, f"the table of view {derived.view.name} has no file", WRITE)
        return
    try:
        found = read_shape(file)
    except CqlFileUnclear as exc:
        yield Problem(where, str(exc).replace(f"{file}: ", ""), "mend it, or delete it and `penstock views write`")
        return
    for difference in differences(found, derived.shape):
        yield Problem(f"{where}:{_line(file, 'CREATE TABLE')}", difference, WRITE)
    yield from _check_options(project, file, found)


def _check_options(project: Project, file: Path, found: TableShape) -> Iterator[Problem]:
    for refused, option in refused_options(found):
        line = _line(file, option.split(" ")[0])
        yield Problem(f"{project.shown(file)}:{line}", refused, f"write {option} there, or nothing of it")


def _check_connectors(project: Project, views: Sequence[View]) -> Iterator[Problem]:
    try:
        lists = read_lists(project)
    except ConnectorFileInvalid as exc:
        yield Problem("connect/connectors", str(exc), "mend the file")
        return
    sink, source = (project.connectors / f"{name}.json" for name in (SINK_FILE, SOURCE_FILE))
    listed = {*lists.mapped} & {*lists.flowing} | formerly_paused(project)
    for view in [view for view in views if view.name not in listed]:
        yield Problem(project.shown(sink), f"view {view.name} is not in `topics`, or has no mapping", WRITE)
    for table in sorted({view.table for view in views} - set(lists.tables)):
        yield Problem(f"{project.shown(source)}:{_line(source, 'table.include.list')}", f"{table} is missing", WRITE)
    for table in [table for table in lists.tables if table not in {view.table for view in views}]:
        where = f"{project.shown(source)}:{_line(source, 'table.include.list')}"
        yield Problem(where, f"{table} is captured and no view needs it", WRITE)


def _check_left_overs(project: Project, views: Sequence[View]) -> Iterator[Problem]:
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


def _check_topics(project: Project, views: Sequence[View]) -> Iterator[Problem]:
    """Find tables whose topics Kafka does not let be together: their names differ only where one has a dot."""
    first: dict[str, View] = {}
    for view in views:
        other = first.setdefault(view.source_topic.replace(".", "_"), view)
        if other.table != view.table:
            what = (
                f"Kafka does not tell the topic of {view.table} from that of {other.table}, which view {other.name} has"
            )
            yield _of_view(project, view, what, "rename one of the tables or schemas")


def _check_postgres(
    config: Config, views: Sequence[View], live: dict[str, LiveTable | TableMissing]
) -> Iterator[Problem]:
    project = Project.of(config)
    try:
        with connect(config) as connection:
            published, changes = published_tables(connection), silent_changes(connection, live)
    except PostgresAway:
        return
    first = {view.table: view for view in reversed(views)}
    for change in changes:
        what = f"rows of {change.table} changed without an event at {change.seen_at:%Y-%m-%d %H:%M}: {change.what}"
        yield _of_view(project, first[change.table], what, "`penstock views apply` reads it again", is_pending=True)
    for view in views:
        if not isinstance(table := live[view.table], TableMissing):
            for each in table.unfit:
                yield _of_view(project, view, each.what, each.cure, is_of_table=True)
    for name, table in live.items():
        if not isinstance(table, TableMissing) and not table.unfit:
            said = partial(_of_view, project, first[name])
            yield from _check_source(said, table, is_published=name in published)
            yield from _check_partitions(said, table, config.kafka.partitions)


def _check_source(said: Callable[..., Problem], table: LiveTable, *, is_published: bool) -> Iterator[Problem]:
    name = table.table.name
    if not is_published:
        yield said(f"{name} is not in the publication yet", "`penstock views apply`", is_pending=True)
    for part in table.not_full:
        lost = "has lost" if is_published else "does not have"
        yield said(f"{part} {lost} REPLICA IDENTITY FULL", "`penstock views apply`", is_pending=True)


def _check_sources(config: Config, views: Sequence[View]) -> Iterator[Problem]:
    """Find the views that hold the rows of another table than stands behind its name now."""
    project = Project.of(config)
    for old in replaced(config, views, lives=lives_of(config)):
        what = f"{old.view.table} is another table than it was filled from, or was away meanwhile: {old.why}"
        yield _of_view(project, old.view, what, "`penstock views apply` reads it again", is_pending=True)


def _check_partitions(said: Callable[..., Problem], table: LiveTable, partitions: int) -> Iterator[Problem]:
    """Find a key of which one value can be written in several ways: its changes would lie in several partitions."""
    columns = table.table.columns
    loose = [name for name in table.table.primary_key if name in columns.names and has_scale(columns[name])]
    if loose and partitions > 1:
        listed = f"{table.table.name}'s primary key has {', '.join(loose)}, a numeric without limits"
        yield said(
            f"{listed}: 10 and 10.0 are one key, and {partitions} partitions would mix up the order of its changes",
            "give it limits, as in numeric(20, 4), or `kafka.partitions = 1`",
        )


def _cassandra_tables(config: Config) -> dict[str, TableShape] | None:
    try:
        with open_session(config) as session:
            keyspace = session.cluster.metadata.keyspaces.get(config.names.keyspace)
            tables = {} if keyspace is None else keyspace.tables
            return {name: shape_of_table(table) for name, table in tables.items()}
    except CassandraUnreachable:
        return None


def _check_table(derived: Derived, found: TableShape | None) -> Iterator[Problem]:
    where, file = f"Cassandra table {derived.view.name}", f"{derived.view.name}.cql"
    name = protect_name(derived.view.name)
    if found is None:
        yield Problem(where, "is not there yet", "`penstock views apply`", is_pending=True)
        return
    for refused, option in refused_options(found):
        yield Problem(where, refused, f"ALTER TABLE {derived.view.name} WITH {option}, in cqlsh")
    # What a key may hold follows from it: the engine goes by the file.
    if found.key == derived.shape.key and derived.view.partition not in (None, found.partition):
        there, here = (", ".join(columns or ()) for columns in (found.partition, derived.view.partition))
        what = f"has the partition key ({there}), {file} has ({here})"
        yield Problem(where, what, "Cassandra cannot alter that: write it back in the file, or drop the table")
    for difference in differences(found, derived.shape):
        if difference.startswith("lacks"):
            yield Problem(where, difference, "`penstock views apply` adds it", is_pending=True)
        elif "does not have" in difference:
            column = next(column for column in found.columns if f"column {column} " in difference)
            yield Problem(where, difference, f"ALTER TABLE {name} DROP {protect_name(column)}, in cqlsh")
        else:
            yield Problem(
                where,
                difference,
                f"Cassandra cannot alter that: give the view another name, or drop the table ({file})",
            )


def _line(file: Path, text: str) -> int:
    lines = file.read_text(encoding="utf-8").splitlines()
    return next((number for number, line in enumerate(lines, start=1) if text.lower() in line.lower()), 1)
