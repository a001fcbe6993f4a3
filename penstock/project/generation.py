"""The generation of a view and the versions in it (docs/contracts.md, Version)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.config import Config
from penstock.contract import OFFSETS_PER_GENERATION
from penstock.postgres.connection import connect
from penstock.postgres.record import read_epoch
from penstock.project.connector_lists import epoch_in
from penstock.project.folders import Project

if TYPE_CHECKING:
    from penstock_views.declaration.views import View  # `status` loads no PySpark


def epoch_of(config: Config) -> int:
    """Return the epoch of the installation; before its first set-up, that of the source's file.

    :raises PostgresUnreachable: when nobody answers.
    """
    with connect(config) as connection:
        return read_epoch(connection) or epoch_in(Project.of(config))


def generation_of(view: View, *, epoch: int) -> int:
    """Return the generation of a view's records."""
    return epoch + view.revision - 1


def version_of(generation: int, offset: int) -> int:
    """Return the version of what the CDC record at that offset causes."""
    return generation * OFFSETS_PER_GENERATION + offset
