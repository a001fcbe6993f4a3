"""`views pause` and `views resume`: the sink leaves a view's topic, and comes back to where it was.

Records wait in the topic as long as its retention. The installation's record names who is paused, so it stays so.
"""

from __future__ import annotations

from penstock.connect.api import ConnectApi
from penstock.connect.apply import apply_connectors
from penstock.errors import PenstockError, TerminalError
from penstock.pipeline.followed import known_paused
from penstock.pipeline.unwritten import place_views_sink
from penstock.postgres.connection import connect
from penstock.postgres.record import note_paused, read_paused
from penstock.project.connector_lists import read_lists
from penstock.project.views import pick_view
from penstock.project.workspace import Workspace
from penstock.setup.connectors import wanted_connectors


class LastView(TerminalError):
    """The sink must read at least one topic."""

    def __init__(self, name: str, sink: str) -> None:
        super().__init__(
            f"view {name} is the last that flows; pause the whole sink with `penstock connectors pause {sink}`"
        )


def pause(workspace: Workspace, name: str) -> bool:
    """Stop writing a view to Cassandra; return whether it flowed before.

    :raises ViewUnknown, LastView: before anything happens.
    """
    return _set(workspace, name, paused=True)


def resume(workspace: Workspace, name: str) -> bool:
    """Go on writing a view to Cassandra, from the record where it was paused; return whether it was paused before.

    :raises ViewUnknown: before anything happens.
    """
    return _set(workspace, name, paused=False)


def _set(workspace: Workspace, name: str, *, paused: bool) -> bool:
    pick_view(workspace.views, name)
    config = workspace.of_view(name).config
    if paused and not read_lists(workspace.project).known - known_paused(workspace) - {name}:
        raise LastView(name, config.names.sink)
    with connect(config) as connection:
        before = read_paused(connection)
        note_paused(connection, [name], paused=paused)
        try:
            _apply_sink(workspace)  # in any case: the command that noted it may have been cut off before this
        except PenstockError:
            note_paused(connection, [name], paused=name in before)  # what is, not what was wished
            raise
    return (name in before) != paused


def _apply_sink(workspace: Workspace) -> None:
    config = workspace.config
    files = wanted_connectors(workspace, names=[config.names.sink])
    with ConnectApi(config.connect.url) as api:
        place_views_sink(workspace, api, files)
        apply_connectors(api, files=files)
