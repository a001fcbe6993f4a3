"""The view files as a job runs them: it keeps a copy of those that it loaded last.

Somebody may save a file with a mistake and apply nothing. A job that runs goes on with the views that it has. One that
starts just then takes the copy, so that a crash at that moment stops nobody's views.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from penstock.running import view_set
from penstock_views.declaration.load import ViewFileBroken, load_views
from penstock_views.declaration.views import View, ViewInvalid
from penstock_views.stream.config import JobConfig
from penstock_views.stream.messages import say

_FILES = {"spark/views": "*.py", "schemas/cassandra": "*.cql", "schemas/avro": "views.*-value.avsc"}
"""What makes a view, laid out as in the clone: its function, the table that says what its partition key is, and the
contract that says which revision a history began with."""


@dataclass(frozen=True)
class ViewFiles:
    """Views, and what stands for the files that they were loaded from (`view_set`)."""

    views: tuple[View, ...]
    digests: dict[str, str]


def load(config: JobConfig) -> ViewFiles:
    """Load the views from the files as they are now, and keep a copy.

    :raises ViewFileBroken, ViewInvalid: with file and line.
    """
    found = _load(config, config.views_dir)
    _keep(config.views_dir, config.kept_views)
    return found


def load_or_last(config: JobConfig) -> ViewFiles:
    """Load the same; while they cannot be loaded, the views as they were loaded last.

    :raises ViewFileBroken, ViewInvalid: with file and line, when no copy was kept.
    """
    try:
        return load(config)
    except (ViewFileBroken, ViewInvalid) as exc:
        last = config.kept_views / "spark/views"
        if not last.is_dir():
            raise
        say(f"the views stay as they were: {exc}")
        return _load(config, last)


def _load(config: JobConfig, folder: Path) -> ViewFiles:
    digests = view_set(folder, config.avro_dir)
    return ViewFiles(load_views(folder, config.names), digests)


def _keep(views_dir: Path, to: Path) -> None:
    """Copy the files into a folder, which holds all of them or, after a crash at this moment, none."""
    new = to.with_name(f"{to.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    clone = views_dir.absolute().parents[1]
    for folder, pattern in _FILES.items():
        (new / folder).mkdir(parents=True)
        for file in (clone / folder).glob(pattern):
            shutil.copyfile(file, new / folder / file.name)
    shutil.rmtree(to, ignore_errors=True)
    new.rename(to)
