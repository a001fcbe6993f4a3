"""`views drop`: remove all that is left of views whose functions are gone from the files.

What reads or writes it is notified first (sink, job), then its topic, subjects, table and files go.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path

from cassandra.metadata import protect_name
from penstock_views.declaration.views import View

from penstock.cassandra.session import open_session
from penstock.config import Config
from penstock.connect.api import ConnectApi
from penstock.connect.apply import apply_connectors
from penstock.connect.files import ConnectorFile
from penstock.connect.place import ask
from penstock.errors import TerminalError
from penstock.installation import VIEW_FILES, Names
from penstock.names import topic_of
from penstock.pipeline.fills import ids_in_cassandra
from penstock.pipeline.stalled import forget_missed
from penstock.pipeline.topic_ids import forget_topic
from penstock.postgres.commands import forget_commands
from penstock.postgres.connection import PostgresUnreachable, connect
from penstock.postgres.publication import withdraw
from penstock.postgres.record import forget_views
from penstock.project.connector_lists import read_lists, topics_in, with_views, without
from penstock.project.workspace import Workspace
from penstock.registry.client import RegistryClient
from penstock.setup.steps import steps
from penstock.topics.admin import TopicAdmin
from penstock.views.apply import renew_jobs
from penstock.views.begin import forget_runs
from penstock.whole_file import write_changed

_PARTS = ("key", "value")
_BEFORE_JOBS = ("topics", "subjects")

OnStep = Callable[[str, str], None]


class ViewDeclared(TerminalError):
    """The function of the view is still there."""

    def __init__(self, view: View, where: str) -> None:
        super().__init__(
            f"view {view.name} is still declared at {where}; delete the function (or the file) there, then drop it"
        )


class NothingLeft(TerminalError):
    """There is nothing of a view of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"nothing is left of a view {name}: no function, no contract, no mapping in the sink's file")


def left_of(workspace: Workspace, name: str) -> list[Path]:
    """Return the files of a view whose function is gone; the one that is deleted last comes first.

    :raises ViewDeclared: with file and line, when it is not gone.
    :raises NothingLeft: when there is neither a file nor a mapping.
    """
    project = workspace.project
    for view in workspace.views:
        if view.name == name:
            raise ViewDeclared(view, f"{project.shown(view.file)}:{view.line}")
    contracts = [project.avro / f"{VIEW_FILES}{name}-{part}.avsc" for part in _PARTS]
    files = [project.cassandra / f"{name}.cql", *contracts]
    found = [file for file in files if file.exists()]
    if not found and name not in read_lists(project).known:
        raise NothingLeft(name)
    return found


def refuse_declared(workspace: Workspace, names: Sequence[str]) -> None:
    """Refuse views that cannot be dropped; of one of which nothing is left, nothing stays to be run again either.

    :raises ViewDeclared, NothingLeft: of the first.
    """
    for name in names:
        try:
            left_of(workspace, name)
        except NothingLeft:
            with suppress(PostgresUnreachable), connect(workspace.config) as connection:
                forget_commands(connection, [name])
            raise


def drop_views(workspace: Workspace, names: Sequence[str], *, on_step: OnStep) -> None:
    """Remove views; their rows and records are gone then. Cut off at any step, it can be asked for again.

    Other views that were never applied are left alone: what runs only learns that these are gone.

    :raises ViewDeclared, NothingLeft: before anything is removed.
    """
    config = workspace.config
    files = {name: left_of(workspace, name) for name in names}
    project, views = workspace.project, workspace.views
    gone = [(each.config, _unneeded(each)) for each in workspace.sources]
    # First of all: a view that is made again under the name must not count as filled.
    for source, _ in gone:
        with connect(source) as connection:
            forget_views(connection, names)
    # The sink is refused with a view that has no table, and nobody makes that before these views are gone.
    there = ids_in_cassandra(config)
    with ConnectApi(config.connect.url) as api:
        leave_out(api, config.names, [*names, *(view.name for view in views if view.name not in there)])
    for source, tables in gone:
        _withdraw(source, tables, on_step)
    for left in files.values():
        _unlink(left[1:])
    if {config.names.view_topic(name) for name in names} & set(TopicAdmin(config.kafka.bootstrap).topics()):
        on_step("jobs", "go on without" if _renew_jobs(workspace) else "ran without")
    for source, tables in gone:
        _delete_changes(source, tables, on_step)
    # Until here they name the tables that are left behind, for a drop that is asked for again.
    changed = write_changed(with_views(project, views, dropped=names))
    on_step("connectors", ", ".join(file.name for file in changed) or "named none of them any more")
    forget_missed(config, names)
    for name in names:
        forget_runs(config, name)
        _delete_records(workspace, name)
        on_step("topic", f"{config.names.view_topic(name)} and its subjects deleted")
    _drop_tables(config, names, on_step)
    for left in files.values():
        _unlink(left[:1])
    on_step("files", ", ".join(project.shown(file) for left in files.values() for file in left) or "none left")
    with connect(config) as connection:
        forget_commands(connection, names)


def _unneeded(workspace: Workspace) -> list[str]:
    """Return the tables of a source that are captured and that no view reads any more."""
    return sorted(set(read_lists(workspace.project).tables).difference(workspace.tables))


def leave_out(api: ConnectApi, own: Names, views: Collection[str]) -> None:
    """Take views out of the running sink, whatever else its file says; a source goes by its publication.

    Connect takes no sink that reads nothing: it is deleted, and its offsets stay for the next one.

    :raises ConnectorFailed: the sink does not run without them, with its trace.
    """
    if own.sink not in api.connectors():
        return
    left = ConnectorFile(own.sink, without(api.config(own.sink), own, views))
    if topics_in(left.config):
        apply_connectors(api, files=[left])
    else:
        ask(lambda: api.delete(own.sink), what=f"Connect deletes {own.sink}")


def _renew_jobs(workspace: Workspace) -> bool:
    """Restart the jobs; a view that was not applied yet comes along with them and needs its topics."""
    for step in steps(workspace):
        if step.name in _BEFORE_JOBS:
            step.action()
    return renew_jobs(workspace.config)


def _delete_records(workspace: Workspace, name: str) -> None:
    config = workspace.config
    TopicAdmin(config.kafka.bootstrap).delete([config.names.view_topic(name)])
    for source in workspace.sources:
        forget_topic(source.config, config.names.view_topic(name))
    with RegistryClient(config.registry.url) as registry:
        for part in _PARTS:
            registry.delete_subject(f"{config.names.view_topic(name)}-{part}")


def _drop_tables(config: Config, names: Sequence[str], on_step: OnStep) -> None:
    keyspace = config.names.keyspace
    with open_session(config) as session:
        for name in names:
            session.execute(f"DROP TABLE IF EXISTS {protect_name(keyspace)}.{protect_name(name)}")
            on_step("table", f"{keyspace}.{name} dropped")


def _unlink(files: Sequence[Path]) -> None:
    for file in files:
        file.unlink()


def _withdraw(config: Config, tables: list[str], on_step: OnStep) -> None:
    with connect(config) as connection:
        for table in tables:
            if withdraw(connection, table):
                on_step("publication", f"{table} taken out")


def _delete_changes(config: Config, tables: list[str], on_step: OnStep) -> None:
    """Delete the change records of tables that no view reads any more.

    Whatever happens to a table from here on has no record. A view that reads one of its name later would begin with
    those of before, and keep rows that went meanwhile.
    """
    topics = [topic_of(table, config.names.topic_prefix) for table in tables]
    for topic in TopicAdmin(config.kafka.bootstrap).clear(topics):
        on_step("topic", f"the records of {topic} deleted")
