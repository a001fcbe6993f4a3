"""The connectors of one stack: their files, and what `penstock.toml` says of the servers that they connect to.

A secret stays a reference, which the worker resolves: neither a file nor Connect ever holds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from penstock.config import Config
from penstock.connect.files import ConnectorFile, read_connectors
from penstock.project import Project

_POSTGRES = "database.hostname"
"""Only a source that reads Postgres has this setting."""


def declared_connectors(config: Config, *, names: Sequence[str] = ()) -> tuple[ConnectorFile, ...]:
    """Read the named connector files, or all, as the worker shall have them.

    What a file says itself stays as it says.

    :raises ConnectorFileMissing, ConnectorFileInvalid: as `read_connectors` does.
    """
    files = read_connectors(Project.of(config).connectors, names=names)
    return tuple(replace(file, config=_added(config, file) | file.config) for file in files)


def _added(config: Config, file: ConnectorFile) -> dict[str, str]:
    return _to_postgres(config) if _POSTGRES in file.config else {}


def _to_postgres(config: Config) -> dict[str, str]:
    section = config.postgres
    mode = {"database.sslmode": section.sslmode} if section.sslmode else {}
    return mode | ({"database.sslrootcert": str(section.ca)} if section.ca else {})
