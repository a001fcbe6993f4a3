"""Looks at the declared views and connectors. A child process reads the views, since Spark's types are large.

`python -m penstock.console.look.declared ROOT NAME [SOURCE…]` prints them as JSON, of the installation with that name
and these further source databases.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg2

from penstock.clone import ROOT
from penstock.config import Config
from penstock.connect.files import ConnectorFile
from penstock.errors import TerminalError
from penstock.installation import Names
from penstock.postgres.connection import CONSOLE, LOOK, PostgresUnreachable, open_connection
from penstock.postgres.own import of_installation
from penstock.postgres.record import Record, read_record
from penstock.project.connector_lists import as_noted
from penstock.project.connectors import declared_connectors
from penstock.project.declared import (
    DeclaredView,
    as_json,
    describe,
    fingerprint_of_files,
    from_json,
    keep,
    read_kept,
)
from penstock.project.folders import Project, sources_of

_TIMEOUT_S = 60


class DeclarationsUnreadable(TerminalError):
    """The view files cannot be loaded."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(f"the views in {folder} cannot be loaded: {reason}; `penstock views check` says more")


@dataclass(frozen=True)
class Declared:
    """Everything that the repository declares."""

    views: tuple[DeclaredView, ...] = ()
    connectors: tuple[ConnectorFile, ...] = ()

    def view_of(self, topic: str) -> DeclaredView | None:
        """Find the view whose records a topic holds."""
        return next((view for view in self.views if view.topic == topic), None)

    @property
    def source_topics(self) -> tuple[str, ...]:
        """The change topics that views read."""
        return tuple(dict.fromkeys(view.source_topic for view in self.views))

    @property
    def tables(self) -> tuple[str, ...]:
        """The source tables that views read; those of a further source with its name."""
        return tuple(dict.fromkeys(view.source_table for view in self.views))

    def views_of(self, table: str) -> tuple[DeclaredView, ...]:
        """Return the views of a source table."""
        return tuple(view for view in self.views if view.source_table == table)


class DeclaredReader:
    """Reads the declarations again whenever a file of theirs changed, and each time what the record says of them."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._project = Project.of(config)
        self._stamp: object = None
        self._declared = Declared()
        self._records: dict[Names, Record] = {}

    def read(self) -> Declared:
        """Return what is declared now.

        :raises DeclarationsUnreadable: a view file is broken; with its reason.
        """
        folders = ((self._project.views, "*.py"), (self._project.connectors, "*"))
        files = [file for folder, pattern in folders for file in sorted(folder.glob(pattern))]
        stamp = [(file, file.stat().st_mtime_ns) for file in files]
        if stamp != self._stamp:
            self._declared = Declared(_read_views(self._config), declared_connectors(self._config))
            self._stamp = stamp
        self._records = {each.names: self._read_record(each) for each in sources_of(self._config)}
        return as_applied(self._declared, self._records)

    def _read_record(self, config: Config) -> Record:
        """Return the record of a source; while Postgres is away, the last that was seen."""
        dsn, own = config.reading.database.dsn, of_installation(config.names)
        try:
            with closing(
                open_connection(dsn, limits=LOOK, application_name=CONSOLE, connection_factory=own)
            ) as connection:
                return read_record(connection)
        except (psycopg2.Error, PostgresUnreachable):
            return self._records.get(config.names, Record())


def as_applied(declared: Declared, records: Mapping[Names, Record]) -> Declared:
    """Return what is declared as the worker gets it: in the epoch of each record, without the paused views."""
    paused = frozenset[str]().union(*(record.paused for record in records.values()))
    views = tuple(replace(view, paused=view.name in paused) for view in declared.views)
    return Declared(views, tuple(as_noted(file, records) for file in declared.connectors))


def _read_views(config: Config) -> tuple[DeclaredView, ...]:
    """Return what was kept of the view files as they are; else a child runs them."""
    fingerprint = fingerprint_of_files(config)
    kept = read_kept(config, fingerprint)
    if kept is None:
        kept = _views_of_child(config)
        keep(config, fingerprint, kept)
    return kept


def _views_of_child(config: Config) -> tuple[DeclaredView, ...]:
    project = Project.of(config)
    command = [sys.executable, "-m", __name__, str(project.root), config.name, *config.sources]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False, cwd=ROOT)
    if done.returncode:
        raise DeclarationsUnreadable(project.views, (done.stderr.strip() or "no reason given").splitlines()[-1])
    return from_json(done.stdout)


def main() -> None:
    """Print the declared views."""
    # Only here: the console itself must not hold Spark's types in memory.
    from penstock_views.declaration.load import load_views

    project = Project(Path(sys.argv[1]))
    views = load_views(project.views, Names(sys.argv[2]), sys.argv[3:])
    print(as_json(describe(project, view) for view in views))


if __name__ == "__main__":
    main()
