"""One view among those of a project, by its name."""

from __future__ import annotations

from collections.abc import Sequence

from penstock_views.declaration.views import View

from penstock.errors import TerminalError


class ViewUnknown(TerminalError):
    """A view was named that no file declares."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"there is no view {name}; the views: {', '.join(known) or 'none'}")


def pick_view(views: Sequence[View], name: str) -> View:
    """Return the view of that name.

    :raises ViewUnknown: there is none.
    """
    for view in views:
        if view.name == name:
            return view
    raise ViewUnknown(name, [view.name for view in views])
