"""The shapes of the views, from their contracts: `schemas/avro/views.<view>-{key,value}.avsc`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from penstock.config import Config
from penstock.errors import TerminalError
from penstock.installation import VIEW_FILES
from penstock.project import Project
from penstock.verify.model import ViewShape
from penstock.views.load import pick_view, views_of


class ContractMissing(TerminalError):
    """A view was declared, and its contract not yet written."""

    def __init__(self, view: str) -> None:
        super().__init__(f"view {view} has no contract yet: `penstock views write` writes it, `views apply` fills it")


def read_shapes(config: Config, names: Sequence[str] = ()) -> tuple[ViewShape, ...]:
    """Read the shapes of the named views, or of all.

    :raises ViewUnknown: there is no view of a name.
    :raises ContractMissing: a view's files are not there.
    """
    views = views_of(config)
    chosen = [pick_view(views, name) for name in names] or views
    return tuple(_read(Project.of(config).avro, view.name) for view in chosen)


def _read(folder: Path, name: str) -> ViewShape:
    try:
        key, columns = (_fields(folder / f"{VIEW_FILES}{name}-{part}.avsc") for part in ("key", "value"))
    except FileNotFoundError as exc:
        raise ContractMissing(name) from exc
    return ViewShape(name, key, columns)


def _fields(path: Path) -> tuple[str, ...]:
    return tuple(field["name"] for field in json.loads(path.read_text(encoding="utf-8"))["fields"])
