"""The connectors as the worker shall have them: their files, and what the installation's record says."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.config import Config
from penstock.connect.api import ConnectApi
from penstock.connect.files import ConnectorFile
from penstock.pipeline.away import find_away
from penstock.postgres.connection import connect
from penstock.postgres.record import Record, read_record, refuse_later_form
from penstock.project.connector_lists import TOPICS, as_noted, epoch_in, topics_in, with_epoch
from penstock.project.connectors import declared_connectors
from penstock.project.folders import Project
from penstock.project.workspace import Workspace
from penstock.whole_file import write_changed


def wanted_connectors(workspace: Workspace, *, names: Sequence[str] = ()) -> tuple[ConnectorFile, ...]:
    """Return the named connectors, or all, in the epoch of the record and without the paused views.

    A sink that would read nothing then is left out: Connect refuses it.

    Without names that of a further source that is away is left out, and the sink keeps what it has of its views.

    :raises ConnectorFileMissing, ConnectorFileInvalid: as `declared_connectors` does.
    :raises PostgresUnreachable: the record cannot be read.
    :raises FormLater: a later version has set the installation up.
    """
    files = declared_connectors(workspace.config, names=names)
    wanted, away = {file.name for file in files}, find_away(workspace.whole)
    records, left_out = {}, set()
    for each in workspace.whole.sources:
        connector, sink = each.config.names.source_connector, each.config.names.sink
        if each.config.source in away and connector not in names:
            left_out.add(connector)
            records[each.config.names] = _as_it_runs(each)
        elif wanted & {connector, sink}:
            records[each.config.names] = _record(each.config)
    noted = [as_noted(file, records) for file in files if file.name not in left_out]
    return tuple(file for file in noted if file.config.get(TOPICS) != "")


def _as_it_runs(workspace: Workspace) -> Record:
    """Return what the running sink shows of a source's record: a view that it does not read counts as paused."""
    with ConnectApi(workspace.config.connect.url) as api:
        sink = workspace.config.names.sink
        topics = topics_in(api.config(sink)) if sink in api.connectors() else []
    return Record(paused=frozenset(view.name for view in workspace.declared if view.topic not in topics))


def _record(config: Config) -> Record:
    with connect(config) as connection:
        refuse_later_form(connection)
        return read_record(connection)


def correct_epoch(config: Config, epoch: int) -> str | None:
    """Let the source's file say this epoch, for people who PUT it by hand; return what was done, if anything was.

    The files of an image stay as they are.
    """
    project = Project.of(config)
    said = epoch_in(project)
    if said == epoch or not config.supervised:
        return None
    write_changed(with_epoch(project, epoch))
    return f"{project.source_file.name} said epoch {said}, and says {epoch} now"
