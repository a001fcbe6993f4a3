"""Finds everything that is wrong with the views, at once, before anything starts: where, what, and what to do.

The functions are held against their tables, the derived files against the functions, and the live servers, as far as
they answer, against the files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from cassandra.metadata import protect_name
from penstock_views.declaration.views import View
from penstock_views.output.contracts import ContractBroken, check_contracts
from penstock_views.running.registry import Registry, RevisionFell
from penstock_views.types.key_form import has_scale

from penstock.cassandra.session import CassandraUnreachable, open_session
from penstock.cassandra.table_file import (
    ColumnExtra,
    ColumnLacking,
    CqlFileUnclear,
    Difference,
    TableShape,
    differences,
    read_shape,
    refused_options,
    shape_of_table,
)
from penstock.config import Config
from penstock.local_spark import local_spark
from penstock.names import of_source
from penstock.pipeline.fills import filled_views, replaced
from penstock.pipeline.identities import MOVED, moved_views, read_identities
from penstock.postgres.catalogue import LiveTable, TableMissing
from penstock.postgres.connection import PostgresUnreachable, connect
from penstock.postgres.exclusions import Standing, standing
from penstock.postgres.published import published_tables
from penstock.postgres.silent import silent_changes
from penstock.project.folders import Project
from penstock.project.generation import epoch_of, generation_of, version_of
from penstock.project.in_step import (
    WRITE,
    Problem,
    check_connectors,
    check_left_overs,
    check_options,
    check_topics,
    line_of,
    problem_of,
)
from penstock.project.workspace import Workspace
from penstock.registry.client import RegistryUnreachable
from penstock.views.derived import OTHER_NAME, Derived, derive_all, problem_at, unreadable
from penstock.views.memory import check_memory
from penstock.views.sources import Live, live_tables

_AT_ONCE = 8


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


def check(workspace: Workspace) -> Checked:
    """Look at everything; servers that do not answer are left out, and said."""
    config = workspace.config
    project = workspace.project
    views, broken = workspace.loaded
    live = live_tables(config, views)
    problems = [problem_at(project, exc, "correct the file") for exc in broken]
    with local_spark(config) as spark:
        derived, wrong = derive_all(spark, config, views, live)
    problems += wrong
    refused = {view.name: why for view, why in unreadable(project, derived, partial(_is_filled, config))}
    for each in derived:
        problems += _check_files(project, each, refused.get(each.view.name))
    problems += check_connectors(project, views)
    problems += check_topics(project, views)
    # A file that cannot be read may hold the functions that seem to be gone.
    problems += [] if broken else check_left_overs(project, views)
    problems += check_memory(config.spark, views)
    looked_at = ["view files"]
    for source, tables_there in live.items():
        if tables_there is not None:
            looked_at.append(source or "Postgres")
            own, its_views = config.of_source(source), [view for view in views if view.source == source]
            problems += _check_postgres(own, its_views, tables_there)
            problems += _check_sources(own, its_views)
    with suppress(RegistryUnreachable):
        fallen = fallen_views(config, views)
        problems += [problem_of(project, view, why.problem, why.cure) for view, why in fallen]
        looked_at.append("Schema Registry")
    if (tables := _cassandra_tables(config)) is not None:
        looked_at.append("Cassandra")
        problems += _check_tables(config, [each for each in derived if each.view.name not in refused], tables)
    return Checked(views, tuple(derived), tuple(problems), tuple(looked_at))


def _is_filled(config: Config, view: View) -> bool:
    return view.name in filled_views(config.of_source(view.source))


def _check_files(project: Project, derived: Derived, refused: str | None) -> Iterator[Problem]:
    if refused:
        # What else differs follows from it, and has cures that lead nowhere.
        yield problem_of(project, derived.view, refused, OTHER_NAME.format(derived.view.name))
        return
    of_contract = ""
    for contract in (derived.key, derived.value):
        try:
            check_contracts(project.avro, [contract])
        except ContractBroken as exc:
            of_contract = derived.view.name
            where = project.shown(project.avro / contract.file_name)
            yield Problem(where, exc.problem, f"if the function is right: {WRITE}", view=of_contract)
    file = project.table_file(derived.view.name)
    where = project.shown(file)
    if not file.exists():
        yield Problem(where, f"the table of view {derived.view.name} has no file", WRITE)
        return
    try:
        found = read_shape(file)
    except CqlFileUnclear as exc:
        yield Problem(where, exc.problem, "mend it, or delete it and `penstock views write`")
        return
    for difference in differences(found, derived.shape):
        yield Problem(f"{where}:{line_of(file, 'CREATE TABLE')}", difference.what, WRITE, view=of_contract)
    yield from check_options(project, file, found)


def _check_postgres(config: Config, views: Sequence[View], live: Live) -> Iterator[Problem]:
    project = Project.of(config)
    try:
        with connect(config) as connection:
            published, changes = published_tables(connection), silent_changes(connection, live)
            exclusions = standing(connection)
    except PostgresUnreachable:
        return
    yield from _check_exclusions(config, exclusions)
    first = {view.table: view for view in reversed(views)}
    for change in changes:
        what = f"rows of {change.table} changed without an event at {change.seen_at:%Y-%m-%d %H:%M}: {change.what}"
        yield problem_of(project, first[change.table], what, "`penstock views apply` reads it again", is_pending=True)
    for view in views:
        if not isinstance(table := live[view.table], TableMissing):
            for each in table.unfit:
                yield problem_of(project, view, each.what, each.cure, is_of_table=True)
    for name, table in live.items():
        if not isinstance(table, TableMissing) and not table.unfit:
            said = partial(problem_of, project, first[name])
            yield from _check_source(said, table, is_published=name in published)
            yield from _check_partitions(said, table, config.kafka.partitions)


def _check_exclusions(config: Config, exclusions: Standing) -> Iterator[Problem]:
    for each in exclusions.problems(config.excluded, config.hashed):
        yield Problem("penstock.toml", of_source(config.source, each.what), each.cure)
    for (table, _), what in exclusions.changes(config.excluded, config.hashed).items():
        said = f"{of_source(config.source, table)}: {what}"
        yield Problem("penstock.toml", said, "`penstock views apply` tells the source", is_pending=True)


def _check_source(said: Callable[..., Problem], table: LiveTable, *, is_published: bool) -> Iterator[Problem]:
    name = table.table.name
    if not is_published:
        yield said(f"{name} is not in the publication yet", "`penstock views apply`", is_pending=True)
    if table.not_full:
        lost = "lost" if is_published else "not there yet"
        yield said(f"REPLICA IDENTITY FULL is {lost}: {table.lacking}", "`penstock views apply`", is_pending=True)


def _check_sources(config: Config, views: Sequence[View]) -> Iterator[Problem]:
    """Find the views that hold the rows of another table than stands behind its name now, or rows that have moved."""
    project = Project.of(config)
    with connect(config) as connection:
        identities = read_identities(connection, {view.table for view in views})
    for view in moved_views(views, identities, epoch=epoch_of(config)):
        cure = "`penstock views rebuild` reads everything again"
        yield problem_of(project, view, f"{view.table}: {MOVED}", cure, is_of_table=True)
    for old in replaced(config, views, identities=identities):
        what = f"{old.view.table} is another table than it was filled from, or was away meanwhile: {old.why}"
        yield problem_of(project, old.view, what, "`penstock views apply` reads it again", is_pending=True)


def fallen_views(config: Config, views: Sequence[View]) -> list[tuple[View, RevisionFell]]:
    """Find the views whose revision fell: all that they write is older than the rows that Cassandra has.

    :raises RegistryUnreachable: when it does not answer.
    """
    registry = Registry(config.registry.url)

    def fallen(view: View) -> RevisionFell | None:
        try:
            registry.refuse_fallen(view)
        except RevisionFell as exc:
            return exc
        return None

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return [(view, why) for view, why in zip(views, pool.map(fallen, views), strict=True) if why]


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


def _check_tables(config: Config, derived: Sequence[Derived], tables: Mapping[str, TableShape]) -> Iterator[Problem]:
    keyspace = protect_name(config.names.keyspace)
    for source in dict.fromkeys(each.view.source for each in derived):
        own = config.of_source(source)
        epoch, filled = epoch_of(own), filled_views(own)
        for each in [each for each in derived if each.view.source == source]:
            name = each.view.name
            # A view that was never filled may have been edited within its revision.
            before = version_of(generation_of(each.view, epoch=epoch), -1) if name in filled else None
            yield from _check_table(each, tables.get(name), f"{keyspace}.{protect_name(name)}", before)


def _check_table(derived: Derived, found: TableShape | None, name: str, before: int | None) -> Iterator[Problem]:
    """Hold a table in Cassandra against its view.

    :param name: of the table, as CQL has it.
    :param before: the last version that the function before could write; None when it could write any.
    """
    where, file = f"Cassandra table {derived.view.name}", f"{derived.view.name}.cql"
    if found is None:
        yield Problem(where, "is not there yet", "`penstock views apply`", is_pending=True)
        return
    for refused, option in refused_options(found):
        yield Problem(where, refused, f"ALTER TABLE {name} WITH {option}, in cqlsh")
    # What a key may hold follows from it: the engine goes by the file.
    if found.key == derived.shape.key and derived.view.partition not in (None, found.partition):
        there, here = (", ".join(columns or ()) for columns in (found.partition, derived.view.partition))
        what = f"has the partition key ({there}), {file} has ({here})"
        yield Problem(
            where, what, f"Cassandra cannot alter that: write it back in the file, or DROP TABLE {name}, in cqlsh"
        )
    for difference in differences(found, derived.shape):
        yield Problem(where, difference.what, *_cure(difference, name, before))


def _cure(difference: Difference, table: str, before: int | None) -> tuple[str, bool]:
    """Say what cures a difference of a table in Cassandra, and whether an apply does it."""
    match difference:
        case ColumnLacking():
            return "`penstock views apply` adds it", True
        case ColumnExtra(column=column) if before is not None:
            # Cassandra takes the time of day for the time of the drop: values of a later version would stay, and no
            # row of the table could be read any more.
            return f"ALTER TABLE {table} DROP {protect_name(column)} USING TIMESTAMP {before}, in cqlsh", False
    return f"Cassandra cannot alter that: give the view another name, or DROP TABLE {table}, in cqlsh", False
