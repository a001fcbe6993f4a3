"""Further source databases that do not answer: their views wait, and those of the others go on."""

from __future__ import annotations

from collections.abc import Mapping

from penstock.config import Config
from penstock.postgres.connection import PostgresUnreachable, connect
from penstock.project.workspace import Workspace


def find_away(workspace: Workspace) -> Mapping[str, str]:
    """Name the further sources that do not answer, each with the reason.

    Without the first one no command can go on: it holds the right to change the installation.
    """
    asked = {each.config.source: _silence(each.config) for each in workspace.sources if each.config.source}
    return {source: why for source, why in asked.items() if why}


def _silence(config: Config) -> str:
    try:
        with connect(config):
            return ""
    except PostgresUnreachable as exc:
        return waits(config, exc)


def waits(config: Config, error: PostgresUnreachable) -> str:
    """Say that the views of a source wait."""
    return f"source {config.source} is away, and its views wait: {error}"
