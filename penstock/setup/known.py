"""Decides which tables the source sends: no list of them, as each change of it would restart the source."""

from __future__ import annotations

from penstock.config import Config
from penstock.connect.api import ConnectApi
from penstock.connect.apply import apply_connectors
from penstock.connect.files import ConnectorFile
from penstock.excluded import SETTING
from penstock.hashed import SETTINGS
from penstock.postgres.connection import connect
from penstock.postgres.publication import make_known
from penstock.postgres.slot import read_reader
from penstock.project.workspace import Workspace
from penstock.setup.connectors import wanted_connectors
from penstock.wait import wait_until

_HIDING = (SETTING, SETTINGS)
_WAIT_S = 60.0


def let_know(workspace: Workspace, api: ConnectApi) -> list[str]:
    """Let the source send the tables of the views, whose topics are there; return what was done, for people.

    First it hides the columns of them that it shall hide.
    """
    config = workspace.config
    for file in wanted_connectors(workspace, names=[config.names.source_connector]):
        if file.name in api.connectors():
            _hide(config, api, file)
    with connect(config) as connection:
        return make_known(connection, workspace.tables)


def _hide(config: Config, api: ConnectApi, file: ConnectorFile) -> None:
    """Give the running source the hidden columns of its file; return when no task without them reads any more."""
    live = api.config(file.name)
    if _hiding(live) == _hiding(file.config):
        return
    others = {key: value for key, value in live.items() if key not in _hiding(live)}
    before = _reader(config)
    apply_connectors(api, files=[ConnectorFile(file.name, others | _hiding(file.config))])
    if before is not None:
        # Connect shows the tasks of before as running for a while.
        what = f"{file.name} reads with its hidden columns"
        wait_until(lambda: _reader(config) != before, timeout_s=_WAIT_S, what=what)


def _hiding(settings: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in settings.items() if key.startswith(_HIDING)}


def _reader(config: Config) -> int | None:
    with connect(config) as connection:
        return read_reader(connection)
