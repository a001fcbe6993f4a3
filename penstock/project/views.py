"""The views of a stack, as their files declare them; no Spark starts for this."""

from __future__ import annotations

from collections.abc import Sequence

from penstock_views.declaration.load import load_views
from penstock_views.declaration.views import View

from penstock.config import Config
from penstock.errors import TerminalError
from penstock.project.folders import Project


class ViewUnknown(TerminalError):
    """A view was named that no file declares."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"there is no view {name}; the views: {', '.join(known) or 'none'}")


def views_of(config: Config) -> tuple[View, ...]:
    """Load every view of the project, ordered by name.

    :raises ViewFileBroken, ViewInvalid: with file and line.
    """
    return load_views(Project.of(config).views, config.names)


def pick_view(views: Sequence[View], name: str) -> View:
    """Return the view of that name.

    :raises ViewUnknown: there is none.
    """
    for view in views:
        if view.name == name:
            return view
    raise ViewUnknown(name, [view.name for view in views])
