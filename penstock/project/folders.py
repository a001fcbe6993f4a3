"""The folders that a person writes and reads: the views and what is derived from them, the tables, the connectors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from penstock.config import ROOT, Config


@dataclass(frozen=True)
class Project:
    """The project of one stack; everything in it belongs under version control."""

    root: Path

    @classmethod
    def of(cls, config: Config) -> Project:
        """Return the project that this configuration names; the clone itself when it names none."""
        return cls((ROOT / config.project).resolve())

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

    def table_file(self, view: str) -> Path:
        """Return the file of a view's table."""
        return self.cassandra / f"{view}.cql"

    def shown(self, file: Path) -> str:
        """Return a file as a person names it: relative to the project."""
        return str(file.relative_to(self.root)) if file.is_relative_to(self.root) else str(file)
