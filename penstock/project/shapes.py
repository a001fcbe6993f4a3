"""The shapes of the views, from their contracts: `schemas/avro/views.<view>-{key,value}.avsc`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from penstock.errors import TerminalError
from penstock.installation import VIEW_FILES
from penstock.project.folders import Project


@dataclass(frozen=True)
class ViewShape:
    """A view: its table's name, its key in key order, and all its columns, the key's too."""

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]


class ContractMissing(TerminalError):
    """A view was declared, and its contract not yet written."""

    def __init__(self, view: str) -> None:
        super().__init__(f"view {view} has no contract yet: `penstock views write` writes it, `views apply` fills it")


def read_shape(project: Project, name: str) -> ViewShape:
    """Read the shape of a view.

    :raises ContractMissing: the view's files are not there.
    """
    try:
        key, columns = (_fields(project.avro / f"{VIEW_FILES}{name}-{part}.avsc") for part in ("key", "value"))
    except FileNotFoundError as exc:
        raise ContractMissing(name) from exc
    return ViewShape(name, key, columns)


def _fields(path: Path) -> tuple[str, ...]:
    return tuple(field["name"] for field in json.loads(path.read_text(encoding="utf-8"))["fields"])
