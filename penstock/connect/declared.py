"""The connectors of one stack: their files, and what `penstock.toml` says of the servers that they connect to.

A secret stays a reference, which the worker resolves: neither a file nor Connect ever holds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from penstock.config import Config
from penstock.connect.files import ConnectorFile, read_connectors
from penstock.project import Project
from penstock.stack.layout import Layout

_CASSANDRA = "dev.penstock.cassandra.sink.CassandraSinkConnector"
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
    if _POSTGRES in file.config:
        return _to_postgres(config)
    return _to_cassandra(config) if file.config["connector.class"] == _CASSANDRA else {}


def trust_store(config: Config) -> Path:
    """Return the file with the certificates of `cassandra.ca_file` as our Connect reads them."""
    return Layout.of(config).conf("connect") / "cassandra-trust.p12"


def _to_cassandra(config: Config) -> dict[str, str]:
    section = config.cassandra
    known = {"auth.username": section.user, "auth.password": "${env:PENSTOCK_CASSANDRA_PASSWORD}"}
    added = {key: value for key, value in known.items() if section.user and value}
    if section.tls:
        added |= {"ssl.provider": "JDK", "ssl.hostnameValidation": str(section.check_hostname).lower()}
    if section.tls and section.ca:
        added |= {"ssl.truststore.path": str(trust_store(config))}
    usual = type(section)().consistency
    return added | ({"consistencyLevel": section.consistency} if section.consistency != usual else {})


def _to_postgres(config: Config) -> dict[str, str]:
    section = config.postgres
    mode = {"database.sslmode": section.sslmode} if section.sslmode else {}
    return mode | ({"database.sslrootcert": str(section.ca)} if section.ca else {})
