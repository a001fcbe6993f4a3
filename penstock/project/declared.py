"""DeclaredView: what the file of a view says, as plain values, and the file that keeps it.

A command that needs no more of a view than this need not run the view files, which load PySpark. What is kept holds
for one text of them: a change of a letter makes it worthless, and they run again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from penstock.config import Config
from penstock.layout import Layout
from penstock.names import of_source
from penstock.project.folders import Project
from penstock.project.held import Held, read_held
from penstock.whole_file import write_whole

if TYPE_CHECKING:
    from penstock_views.declaration.views import View


@dataclass(frozen=True)
class DeclaredView:
    """A view as its file declares it; `kind` is row, history or aggregate."""

    name: str
    kind: str
    source: str
    table: str
    key: tuple[str, ...]
    primary_key: tuple[str, ...]
    revision: int
    origin: str
    topic: str
    source_topic: str
    held: Held = field(default=Held())
    paused: bool = False

    @property
    def source_table(self) -> str:
        """Its table, as no other is named: with the source, if that is a further one."""
        return of_source(self.source, self.table)


def describe(project: Project, view: View) -> DeclaredView:
    """Return a loaded view as plain values."""
    return DeclaredView(
        name=view.name,
        kind=view.kind,
        source=view.source,
        table=view.table,
        key=view.key,
        primary_key=view.primary_key,
        revision=view.revision,
        origin=f"{project.shown(view.file)}:{view.line}",
        topic=view.topic,
        source_topic=view.source_topic,
        held=read_held(view.file, view.line),
    )


def as_json(views: Iterable[DeclaredView]) -> str:
    """Write views as text."""
    return json.dumps([asdict(view) for view in views])


def from_json(text: str) -> tuple[DeclaredView, ...]:
    """Read views that `as_json` wrote."""
    return tuple(
        DeclaredView(**_as_tuples(view | {"held": Held(**_as_tuples(view["held"]))})) for view in json.loads(text)
    )


def fingerprint_of_files(config: Config) -> str:
    """Return what changes with the text of a view file, with the installation, and with the form of what is kept."""
    form = [field.name for kind in (DeclaredView, Held) for field in fields(kind)]
    found = hashlib.sha256(repr((config.name, sorted(config.sources), form)).encode())
    for file in sorted(Project.of(config).views.glob("*.py")):
        found.update(repr((str(file), file.read_bytes())).encode())
    return found.hexdigest()


def read_kept(config: Config, fingerprint: str) -> tuple[DeclaredView, ...] | None:
    """Return the views that were kept of files with that fingerprint; None when there are none."""
    of, views = _read_kept(config)
    return from_json(views) if of == fingerprint else None


def read_last(config: Config) -> tuple[DeclaredView, ...] | None:
    """Return the views that were kept last, whatever the files say by now; None when there are none."""
    _, views = _read_kept(config)
    with suppress(ValueError, TypeError, KeyError):  # another version of Penstock has kept them
        return from_json(views)
    return None


def _read_kept(config: Config) -> tuple[str, str]:
    """Return the fingerprint and the views that were kept; empty when there are none."""
    try:
        of, _, views = Layout.of(config).views_file.read_text(encoding="utf-8").partition("\n")
    except (OSError, ValueError):
        return "", ""
    return of, views


def keep(config: Config, fingerprint: str, views: Iterable[DeclaredView]) -> None:
    """Keep the views for the next look, where a stack has a state folder that can be written.

    :param fingerprint: of the files before they ran.
    """
    file = Layout.of(config).views_file
    if file.parent.is_dir():
        with suppress(OSError):  # nothing is lost: the next look runs the files again
            write_whole(file, f"{fingerprint}\n{as_json(views)}")


def _as_tuples(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _as_tuple(value) for name, value in fields.items()}


def _as_tuple(value: Any) -> Any:
    return tuple(map(_as_tuple, value)) if isinstance(value, list) else value
