"""Finds which views flow: their tables are published, and the sink does not leave them out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from penstock.config import Config
from penstock.errors import TerminalError
from penstock.pipeline.away import find_away
from penstock.postgres.connection import connect
from penstock.postgres.published import published_tables
from penstock.postgres.record import read_paused
from penstock.project.workspace import Workspace

if TYPE_CHECKING:
    from penstock_views.declaration.views import View  # `status` loads no PySpark


class ViewPaused(TerminalError):
    """Nothing of a paused view reaches Cassandra: it can be neither filled nor compared."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"paused: {', '.join(names)}; `penstock views resume {names[0]}` first")


def followed_views(workspace: Workspace) -> list[View]:
    """Return the views whose tables are published: of the others no change comes, and nothing fills them.

    :raises PostgresUnreachable: when nobody answers.
    """
    return [view for each in workspace.sources for view in _followed(each)]


def _followed(workspace: Workspace) -> list[View]:
    with connect(workspace.config) as connection:
        published = published_tables(connection)
    return [view for view in workspace.views if view.table in published]


def paused_views(*sources: Config) -> frozenset[str]:
    """Return the names of the paused views of these sources.

    :raises PostgresUnreachable: when nobody answers.
    """
    return frozenset[str]().union(*map(_paused, sources))


def known_paused(workspace: Workspace) -> frozenset[str]:
    """Return the names of the paused views of all sources that answer."""
    away = find_away(workspace)
    return paused_views(*(each.config for each in workspace.sources if each.config.source not in away))


def _paused(config: Config) -> frozenset[str]:
    with connect(config) as connection:
        return read_paused(connection)


def refuse_paused(config: Config, names: Sequence[str]) -> None:
    """Make sure that these views of one source flow.

    :raises ViewPaused: when one does not.
    """
    there = paused_views(config)
    if paused := [name for name in names if name in there]:
        raise ViewPaused(paused)
