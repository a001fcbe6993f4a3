"""The generation of a view and the versions in it (docs/contracts.md, Version)."""

from __future__ import annotations

from penstock_views.declare import View
from penstock_views.derive import OFFSETS_PER_GENERATION

from penstock.connect.files import read_connector
from penstock.project import Project
from penstock.views.connector_lists import EPOCH, SOURCE


def epoch_of(project: Project) -> int:
    """Read the epoch that the source connector stamps on each record."""
    config = read_connector(project.connectors / f"{SOURCE}.json").config
    return int(config[EPOCH])


def generation_of(view: View, *, epoch: int) -> int:
    """Return the generation of a view's records."""
    return epoch + view.revision - 1


def version_of(generation: int, offset: int) -> int:
    """Return the version of what the CDC record at that offset causes."""
    return generation * OFFSETS_PER_GENERATION + offset
