"""The connectors as the worker shall have them: their files, and what the installation's record says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from penstock.config import Config
from penstock.connect.declared import declared_connectors
from penstock.connect.files import ConnectorFile
from penstock.project import Project
from penstock.views.connector_lists import EPOCH, SOURCE, epoch_in, with_epoch
from penstock.views.derived import write_changed
from penstock.views.generation import epoch_of


def wanted_connectors(config: Config, *, names: Sequence[str] = ()) -> tuple[ConnectorFile, ...]:
    """Return the named connectors, or all; a file that says another epoch than the record is not believed.

    :raises ConnectorFileMissing, ConnectorFileInvalid: as `declared_connectors` does.
    :raises PostgresAway: the record cannot be read.
    """
    epoch = str(epoch_of(config))
    files = declared_connectors(config, names=names)
    return tuple(replace(file, config=file.config | {EPOCH: epoch}) if file.name == SOURCE else file for file in files)


def correct_epoch(config: Config, epoch: int) -> str | None:
    """Let the source's file say this epoch, for people who PUT it by hand; return what was done, if anything was.

    The files of an image stay as they are.
    """
    project = Project.of(config)
    said = epoch_in(project)
    if said == epoch or not config.supervised:
        return None
    write_changed(with_epoch(project, epoch))
    return f"{SOURCE}.json said epoch {said}, and says {epoch} now"
