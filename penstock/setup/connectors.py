"""The connectors as the worker shall have them: their files, and what the installation's record says."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.config import Config
from penstock.connect.files import ConnectorFile
from penstock.postgres.connection import connect
from penstock.postgres.record import Record, read_record
from penstock.project.connector_lists import as_noted, epoch_in, with_epoch
from penstock.project.connectors import declared_connectors
from penstock.project.folders import Project, sources_of
from penstock.whole_file import write_changed


def wanted_connectors(config: Config, *, names: Sequence[str] = ()) -> tuple[ConnectorFile, ...]:
    """Return the named connectors, or all, in the epoch of the record and without the paused views.

    :raises ConnectorFileMissing, ConnectorFileInvalid: as `declared_connectors` does.
    :raises PostgresUnreachable: the record cannot be read.
    """
    files = declared_connectors(config, names=names)
    wanted = {file.name for file in files}
    sources = [each for each in sources_of(config) if wanted & {each.names.source_connector, each.names.sink}]
    records = {each.names: _record(each) for each in sources}
    return tuple(as_noted(file, records) for file in files)


def _record(config: Config) -> Record:
    with connect(config) as connection:
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
