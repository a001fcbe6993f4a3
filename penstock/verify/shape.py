"""The shapes of the views, from their contracts: `schemas/avro/views.<view>-{key,value}.avsc`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from penstock.errors import TerminalError
from penstock.topics.declare import AVRO_DIR, view_topics
from penstock.verify.model import ViewShape


class ViewUnknown(TerminalError):
    """A view was named that has no contract."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"there is no view {name}; the views: {', '.join(known) or 'none'}")


def read_shapes(names: Sequence[str] = ()) -> tuple[ViewShape, ...]:
    """Read the shapes of the named views, or of all.

    :raises ViewUnknown: a name has no contract.
    """
    known = [topic.removeprefix("views.") for topic in view_topics()]
    for name in names:
        if name not in known:
            raise ViewUnknown(name, known)
    return tuple(_read(name) for name in names or known)


def _read(name: str) -> ViewShape:
    key, columns = (_fields(AVRO_DIR / f"views.{name}-{part}.avsc") for part in ("key", "value"))
    return ViewShape(name, key, columns)


def _fields(path: Path) -> tuple[str, ...]:
    return tuple(field["name"] for field in json.loads(path.read_text(encoding="utf-8"))["fields"])
