"""The steps of the set-up: what must exist in the servers before data flows. Each is idempotent, says what it did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg2
from penstock_views.declaration.views import View
from psycopg2 import sql

from penstock.cassandra.schema import apply_schema
from penstock.cassandra.table import empty_tables
from penstock.config import Config
from penstock.connect import apply as connect_apply
from penstock.connect.api import ConnectApi
from penstock.connect.files import ConnectorFile
from penstock.doctor.rights import airflow_database
from penstock.errors import TerminalError
from penstock.pipeline.away import find_away, waits
from penstock.pipeline.bring_up import USERS
from penstock.pipeline.fills import filled_views, mark_filled, take_over
from penstock.pipeline.followed import followed_views
from penstock.pipeline.identities import Identities, identities_of
from penstock.pipeline.topic_ids import refuse_made_again
from penstock.pipeline.unwritten import place_views_sink
from penstock.postgres.connection import PostgresUnreachable, connect, cure_of
from penstock.postgres.exclusions import note_exclusions
from penstock.postgres.own import Connection
from penstock.postgres.publication import publish
from penstock.postgres.published import published_tables
from penstock.postgres.record import FORM, begin_record, note_paused, raise_form, refuse_later_form
from penstock.postgres.silent import look, note_changes
from penstock.project.connector_lists import FORMER_PAUSED, epoch_in, formerly_paused, with_views
from penstock.project.connectors import complete_connectors
from penstock.project.folders import sources_of
from penstock.project.generation import epoch_of
from penstock.project.in_step import refuse_out_of_step
from penstock.project.workspace import Workspace
from penstock.registry.apply import apply_schemas, read_schemas, release_cdc_subjects
from penstock.registry.client import RegistryClient
from penstock.secured import Secrets
from penstock.setup.columns import add_missing_columns
from penstock.setup.connectors import correct_epoch, wanted_connectors
from penstock.setup.known import let_know
from penstock.setup.rights import give_loader_rights, give_reading_rights
from penstock.setup.source import live_epoch, read_wal, refuse_lost_place, refuse_moved_rows
from penstock.stack.ask import ask_connect
from penstock.topics.admin import TopicAdmin
from penstock.topics.create import create_topics as create_missing
from penstock.topics.declare import cdc_topics, declare_topics
from penstock.whole_file import write_changed


class SchemaFailed(TerminalError):
    """A file of schemas/postgres was refused by Postgres."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f"{file} was refused by Postgres: {reason}")


class DatabaseMissing(TerminalError):
    """A database must exist, and the role may not create it."""

    def __init__(self, name: str, user: str) -> None:
        super().__init__(
            f"database {name}, which holds what Airflow keeps, does not exist, and role {user} may not create it. "
            f"What to do: {airflow_database(name, user)}; or airflow.enabled = false"
        )


def refuse_broken_files(workspace: Workspace) -> None:
    """Read the views, connector files and contracts, so that a broken one stops a start before anything runs."""
    project = workspace.project
    views = workspace.views
    complete_connectors(workspace.config)
    read_schemas(project.avro, workspace.config.names)
    refuse_out_of_step(project, views)


def look_at_form(workspace: Workspace) -> str:
    """Make sure that no later version has set a source up, before anything changes.

    :raises FormLater: one has.
    """
    away = find_away(workspace)
    for each in workspace.sources:
        if each.config.source not in away and _has_database(each.config):
            with connect(each.config) as connection:
                refuse_later_form(connection)
    return f"{FORM} of what is kept"


def _has_database(config: Config) -> bool:
    """Return whether the source database is there: the first start makes ours."""
    if not config.database.managed:
        return True
    with connect(config, database=config.database.first_database) as connection:
        return _is_made(connection, config.database.database)


def _is_made(connection: Connection, name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
        return cursor.fetchone() is not None


def create_tables(workspace: Workspace) -> str:
    """Create the databases, run schemas/postgres/*.sql in the order of their names, publish the tables of the views."""
    return "; ".join(map(_create_or_wait, workspace.sources))


def _create_or_wait(workspace: Workspace) -> str:
    """Set a source up; a further one that is away keeps the others from nothing."""
    source = workspace.config.source
    if not source:
        return _create_tables(workspace)
    try:
        return f"{source}: {_create_tables(workspace)}"
    except PostgresUnreachable as exc:
        return waits(workspace.config, exc)


def _create_tables(workspace: Workspace) -> str:
    config = workspace.config
    made = [name for name in _databases(config) if _create_database(config, name)]
    files = workspace.project.sql_files()
    with connect(config) as connection:
        refuse_later_form(connection)
        raise_form(connection)
        run_files(connection, files)
        begin_record(connection, epoch=epoch_in(workspace.project), partitions=config.kafka.partitions)
        paused = take_over_paused(workspace, connection)
        exclusions = note_exclusions(connection, published_tables(connection))
        published = publish(connection, workspace.tables)
        look(connection)
        followed = published_tables(connection).intersection(workspace.tables)
    if config.database.managed:
        give_reading_rights(config, tables=followed)
    if _has_metadata(config) and config.database.managed and Secrets.of(config).exist:
        give_loader_rights(config, table=USERS)
    said = [f"{len(files)} files applied", *(f"database {name} created" for name in made)]
    said += [*paused, *exclusions, *published]
    return ", ".join(said)


def take_over_paused(workspace: Workspace, connection: Connection) -> list[str]:
    """Note the views that a file of an earlier version names as paused, and remove the file; return what was done.

    The files of an image stay as they are.
    """
    project, views = workspace.project, workspace.whole.views
    file = project.connectors / FORMER_PAUSED
    if not file.exists() or not workspace.config.supervised:
        return []
    paused = sorted(formerly_paused(project).intersection(view.name for view in views))
    note_paused(connection, paused)
    write_changed(with_views(project, views))
    file.unlink()
    return [f"{file.name} removed, paused: {', '.join(paused) or 'none'}"]


def _databases(config: Config) -> tuple[str, ...]:
    """Return the databases that must be there; the source database of others is."""
    metadata = (config.names.airflow_database,) if _has_metadata(config) else ()
    return (config.database.database, *metadata) if config.database.managed else metadata


def _has_metadata(config: Config) -> bool:
    return config.airflow.managed and config.airflow.enabled and not config.source


def _create_database(config: Config, name: str) -> bool:
    with connect(config, database=config.database.first_database) as connection:
        connection.autocommit = True
        if _is_made(connection, name):
            return False
        try:
            connection.cursor().execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        except psycopg2.errors.InsufficientPrivilege as exc:
            raise DatabaseMissing(name, config.database.user) from exc
        return True


def run_files(connection: Connection, files: Sequence[Path]) -> None:
    """Run SQL files, all or none: their event triggers see each other's tables and functions.

    :raises SchemaFailed: with what Postgres said.
    """
    with connection, connection.cursor() as cursor:
        for file in files:
            try:
                cursor.execute(connection.own(file.read_text()))
            except psycopg2.Error as exc:
                if connection.closed:
                    raise  # Postgres is away, which says nothing about the file
                raise SchemaFailed(file, str(exc).strip() + cure_of(exc)) from exc


def create_topics(workspace: Workspace) -> str:
    """Create the topics with their settings; refuse existing ones that differ."""
    config = workspace.config
    declared = declare_topics(config, workspace.views, sources=sources_of(config))
    made = create_missing(TopicAdmin(config.kafka.bootstrap), topics=declared)
    return f"{len(made)} created, {len(declared) - len(made)} as they were"


def register_subjects(workspace: Workspace) -> str:
    """Register the contracts of the view topics and leave the CDC subjects free to follow the tables."""
    config = workspace.config
    files = read_schemas(workspace.project.avro, config.names)
    with RegistryClient(config.registry.url) as client:
        release_cdc_subjects(client, topics=cdc_topics(workspace.views))
        apply_schemas(client, files=files)
    return f"{len(files)} contracts"


def create_view_tables(workspace: Workspace) -> str:
    """Create the keyspace and the view tables, and add the columns that they have gained."""
    files = apply_schema(workspace.config, folder=workspace.project.cassandra)
    return ", ".join([f"{len(files)} files applied", *add_missing_columns(workspace)])


def apply_connectors(workspace: Workspace) -> str:
    """Apply the connector files; return when every task runs.

    Without a slot the source begins with a snapshot of all tables, which fills every view of a first start. A later one
    leaves rows that were deleted meanwhile, and needs a re-read.

    :raises SlotGone, DatabaseFell, EpochFell, RowsWouldMove, TopicsMadeAgain: before anything is applied; so is
        NotAsNeeded, of a worker with plugins of another version.
    """
    ask_connect(workspace.config)
    files = wanted_connectors(workspace)
    named = {file.name for file in files}
    with ConnectApi(workspace.config.connect.url) as api:
        sources = [each for each in workspace.sources if each.config.names.source_connector in named]
        starts = [_start_of(each, api, files) for each in sources]
        known = [said for each in sources for said in let_know(each, api)]
        files = wanted_connectors(workspace)
        placed = place_views_sink(workspace, api, files)
        applied = connect_apply.apply_connectors(api, files=files)
    corrected = [said for start in starts if (said := _note_started(start))]
    outcomes = {each.name: each.outcome for each in applied} | dict.fromkeys(placed, connect_apply.Outcome.UPDATED)
    return ", ".join([*known, *(f"{name} {outcome}" for name, outcome in outcomes.items()), *corrected])


@dataclass(frozen=True)
class _Start:
    """What is known of a source before its connector is applied.

    :param empty: the views that its first snapshot fills.
    """

    config: Config
    epoch: int
    identities: Identities
    empty: Sequence[View]


def _start_of(workspace: Workspace, api: ConnectApi, files: Sequence[ConnectorFile]) -> _Start:
    """Make sure that a source can go on from where it was."""
    config = workspace.config
    epoch, identities = epoch_of(config), identities_of(workspace)
    take_over(config, workspace.views, identities=identities)
    refuse_made_again(workspace)
    wal = refuse_lost_place(api, names=config.names, read_wal=partial(read_wal, config), epoch=epoch)
    for source in (file for file in files if file.name == config.names.source_connector):
        refuse_moved_rows(api, source=source, partitions=config.kafka.partitions)
    note_earlier_epoch(workspace, live_epoch(api, config.names.source_connector), epoch)
    empty = [] if wal.has_slot or filled_views(config) else empty_views(workspace)
    return _Start(config, epoch, identities, empty)


def _note_started(start: _Start) -> str | None:
    """Note what the first snapshot of a source fills; return what was done to its file, if anything was."""
    mark_filled(start.config, start.empty, epoch=start.epoch, identities=start.identities)
    return correct_epoch(start.config, start.epoch)


def empty_views(workspace: Workspace) -> list[View]:
    """Return the views that the source's first snapshot fills; rows of another database were there before it."""
    config = workspace.config
    followed = followed_views(workspace)
    empty = empty_tables(config, [view.name for view in followed])
    with connect(config) as connection:
        full = {view.table for view in followed if view.name not in empty}
        note_changes(connection, full, "Cassandra has rows of before this database")
    return [view for view in followed if view.name in empty]


def note_earlier_epoch(workspace: Workspace, live: int, epoch: int) -> None:
    """Note that what came in an earlier epoch, of a file that somebody PUT, has lost against what was there."""
    if 0 < live < epoch:
        what = f"the source ran in epoch {live}, and {epoch} had started"
        with connect(workspace.config) as connection:
            note_changes(connection, workspace.tables, what)
