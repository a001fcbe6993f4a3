"""The folders that a person writes and reads: the views and what is derived from them, the tables, the connectors."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from penstock.clone import ROOT
from penstock.config import Config
from penstock.installation import DEFAULT, SINK_FILE, source_file


@dataclass(frozen=True)
class Project:
    """The project of one stack; everything in it belongs under version control.

    :param source: the source database whose connector is meant; empty for the first one.
    """

    root: Path
    source: str = ""

    @classmethod
    def of(cls, config: Config) -> Project:
        """Return the project that this configuration names; the clone itself when it names none."""
        return cls((ROOT / config.project).resolve(), config.source)

    def of_source(self, source: str) -> Project:
        """Return the same project, with the connector of a source."""
        return replace(self, source=source)

    @property
    def views(self) -> Path:
        """The view functions, from which the contracts, the tables and the connectors' lists are derived."""
        return self.root / "spark" / "views"

    @property
    def avro(self) -> Path:
        """The contracts of the view topics: each has a `<topic>-key.avsc` and a `<topic>-value.avsc`."""
        return self.root / "schemas" / "avro"

    @property
    def cassandra(self) -> Path:
        """The tables of the views: `<view>.cql`."""
        return self.root / "schemas" / "cassandra"

    @property
    def postgres(self) -> Path:
        """The source tables that the project itself creates."""
        return self.root / "schemas" / "postgres"

    @property
    def connectors(self) -> Path:
        """The connectors: `<name>.json`."""
        return self.root / "connect" / "connectors"

    def sql_files(self) -> list[Path]:
        """Return what is run in the source database, in order; a further one has none of the project's own tables."""
        files = sorted(self.postgres.glob("*.sql"))
        is_state = re.compile(rf"\b{DEFAULT}\.").search
        return [file for file in files if not self.source or is_state(file.read_text(encoding="utf-8"))]

    @property
    def source_file(self) -> Path:
        """The connector of the source."""
        return self.connectors / f"{source_file(self.source)}.json"

    @property
    def sink_file(self) -> Path:
        """The connector that writes the views."""
        return self.connectors / f"{SINK_FILE}.json"

    def table_file(self, view: str) -> Path:
        """Return the file of a view's table."""
        return self.cassandra / f"{view}.cql"

    def shown(self, file: Path) -> str:
        """Return a file as a person names it: relative to the project."""
        return str(file.relative_to(self.root)) if file.is_relative_to(self.root) else str(file)


def sources_of(config: Config) -> tuple[Config, ...]:
    """Return the configuration as each source in use has it: one with a connector; the first one always."""
    further = [config.of_source(name) for name in sorted(config.sources)]
    return (config.of_source(""), *(each for each in further if Project.of(each).source_file.exists()))
