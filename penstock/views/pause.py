"""`views pause` and `views resume`: the sink leaves a view's topic, and comes back to where it was.

Records wait in the topic as long as its retention. A file beside the connectors names who is paused, so it stays so.
"""

from __future__ import annotations

from collections.abc import Sequence

from penstock.config import Config
from penstock.connect.api import ConnectApi
from penstock.connect.apply import apply_connectors
from penstock.errors import PenstockError, TerminalError
from penstock.project import Project
from penstock.views.connector_lists import SINK, read_lists, with_paused
from penstock.views.connectors import wanted_connectors
from penstock.views.derived import write_changed
from penstock.views.load import pick_view, views_of
from penstock.views.unwritten import place_views_sink


class LastView(TerminalError):
    """The sink must read at least one topic."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"view {name} is the last that flows; pause the whole sink with `penstock connectors pause {SINK}`"
        )


class ViewPaused(TerminalError):
    """Nothing of a paused view reaches Cassandra: it can be neither filled nor compared."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"paused: {', '.join(names)}; `penstock views resume {names[0]}` first")


def pause(config: Config, name: str) -> bool:
    """Stop writing a view to Cassandra; return whether it flowed before.

    :raises ViewUnknown, LastView: before anything happens.
    """
    return _set(config, name, flows=False)


def resume(config: Config, name: str) -> bool:
    """Go on writing a view to Cassandra, from the record where it was paused; return whether it was paused before.

    :raises ViewUnknown: before anything happens.
    """
    return _set(config, name, flows=True)


def refuse_paused(config: Config, names: Sequence[str]) -> None:
    """Make sure that these views flow.

    :raises ViewPaused: when one does not.
    """
    lists = read_lists(Project.of(config))
    if paused := [name for name in names if name in lists.paused]:
        raise ViewPaused(paused)


def _set(config: Config, name: str, *, flows: bool) -> bool:
    project = Project.of(config)
    pick_view(views_of(config), name)
    lists = read_lists(project)
    if (name not in lists.paused) == flows:
        return False
    paused = lists.paused - {name} if flows else lists.paused | {name}
    if not lists.known - paused:
        raise LastView(name)
    wanted = with_paused(project, paused)
    before = {file: file.read_text(encoding="utf-8") for file in wanted if file.exists()}
    write_changed(wanted)
    try:
        with ConnectApi(config.connect.url) as api:
            files = wanted_connectors(config, names=[SINK])
            place_views_sink(config, api, files)
            apply_connectors(api, files=files)
    except PenstockError:
        write_changed(before)  # the files say what is, not what was wished
        raise
    return True
