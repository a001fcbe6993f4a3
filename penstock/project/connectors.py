"""The connectors of one stack: their files, and what `penstock.toml` says of the servers that they connect to.

A secret stays a reference, which the worker resolves: neither a file nor Connect ever holds it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from penstock.clone import ROOT
from penstock.config import Config
from penstock.connect.files import ConnectorFile, ConnectorFileInvalid, read_connectors
from penstock.hashed import SECRET
from penstock.installation import SINK_FILE, Names, password_variable, source_file
from penstock.layout import Layout
from penstock.project.folders import Project, sources_of
from penstock.project.required import completed, settings_of_source
from penstock.secured import Secrets

_ENV = re.compile(r"\$\{env:(PENSTOCK_\w+)\}")
_MAPPING = re.compile(rf"topic\.{re.escape(Names().view_topics)}(?P<view>\w+)\.{Names().keyspace}\.(?P<rest>\w+\.\w+)")
_FILTER = re.compile(r"column\.(include|exclude|mask|truncate)\b")
_USER, _PASSWORD = "PENSTOCK_POSTGRES_USER", password_variable("")
_CASSANDRA = "dev.penstock.cassandra.sink.CassandraSinkConnector"
STORE_PASSWORD = "PENSTOCK_CONNECT_STORE_PASSWORD"  # noqa: S105 - the name of a variable
"""Of the key with which our own worker speaks TLS."""
_POSTGRES = "database.hostname"
"""Only a source that reads Postgres has this setting."""


def declared_connectors(config: Config, *, names: Sequence[str] = ()) -> tuple[ConnectorFile, ...]:
    """Read the named connector files, or all, as the worker shall have them.

    What a file says itself stays as it says, but for the names: it holds those of the default installation. What it
    must say and does not is added (`required.py`).

    :param names: of the connectors, or the stems of their files.
    :raises ConnectorFileMissing, ConnectorFileInvalid: as `read_connectors` does; a source that filters columns itself,
        a file that says otherwise than it must.
    """
    config = config.replicating
    files = [(_of(config, file), file) for file in complete_connectors(config, names=names)]
    return tuple(_applied(own, in_installation(file, own.names)) for own, file in files)


def complete_connectors(config: Config, *, names: Sequence[str] = ()) -> tuple[ConnectorFile, ...]:
    """Read the named connector files, or all, with what they lack, and refuse what they must not say.

    :raises ConnectorFileMissing, ConnectorFileInvalid: as `declared_connectors` does.
    """
    stems = [name.removeprefix(config.names.connector("")) for name in names]
    folder = Project.of(config).connectors
    read = read_connectors(folder, names=stems)
    for file in read:
        _refuse_unknown_source(config, folder, file)
    return tuple(_whole(config, folder, _unfiltered(folder, file)) for file in read)


def _whole(config: Config, folder: Path, file: ConnectorFile) -> ConnectorFile:
    """Add what the file of a connector of ours lacks; those of others say what they like."""
    ours = {SINK_FILE: None, **{source_file(each.source): each.source for each in sources_of(config)}}
    return completed(folder / f"{file.name}.json", file, ours[file.name]) if file.name in ours else file


def _of(config: Config, file: ConnectorFile) -> Config:
    """Return the configuration as the source has it whose connector this is; that of the first one for any other."""
    return next((each for each in sources_of(config) if source_file(each.source) == file.name), config.of_source(""))


def _applied(config: Config, file: ConnectorFile) -> ConnectorFile:
    settings = _added(config, file) | file.config
    if config.source:
        settings = _in_place(settings, _login_of(config) | _of_database(config))
    return replace(file, config=settings if config.connect.managed else _for_their_worker(config, settings))


def _login_of(config: Config) -> dict[str, str]:
    """Say who logs in to a further source; what is the first one's too stays a reference to it."""
    own, first = config.database, config.of_source("").database
    user = {_USER: own.user} if own.user != first.user else {}
    variable = password_variable(config.source if own.password_file != first.password_file else "")
    return user | {_PASSWORD: f"${{env:{variable}}}"}


def _in_place(settings: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    """Write what references stand for; the environment of a worker knows the first source database alone."""
    return {key: _ENV.sub(lambda found: known.get(found[1], found[0]), value) for key, value in settings.items()}


def _refuse_unknown_source(config: Config, folder: Path, file: ConnectorFile) -> None:
    """Refuse the connector of a source that is gone from the configuration: it would read the first database."""
    source = file.name.removesuffix(source_file("x").removeprefix("x"))
    is_ours = file.config.get("topic.prefix") == Names(source=source).topic_prefix
    if is_ours and source_file(source) == file.name and source not in config.sources:
        problem = f"penstock.toml has no source {source}: write [sources.{source}], or delete the file"
        raise ConnectorFileInvalid(folder / f"{file.name}.json", [problem])


def _unfiltered(folder: Path, file: ConnectorFile) -> ConnectorFile:
    """Refuse a source whose file leaves out or masks columns: what is read of Postgres itself would have them."""
    own = sorted(filter(_FILTER.match, file.config)) if _POSTGRES in file.config else []
    if own:
        cure = "name the columns in penstock.toml instead, as `exclude` or `hash` of their table"
        raise ConnectorFileInvalid(folder / f"{file.name}.json", [f'"{name}": {cure}' for name in own])
    return file


def in_installation(file: ConnectorFile, names: Names) -> ConnectorFile:
    """Return a connector with the names of an installation, wherever its file has the default's."""
    usual, own = _named(Names(source=names.source)), _named(names)
    settings = {
        _mapping_in(key, names): own[key] if value == usual.get(key) else value for key, value in file.config.items()
    }
    if topics := settings.get("topics"):
        settings["topics"] = ",".join(_topic_in(topic.strip(), names) for topic in topics.split(","))
    return ConnectorFile(names.connector(file.name), settings)


def _named(names: Names) -> dict[str, str]:
    """Return the settings that hold a name."""
    return settings_of_source(names) | {"errors.deadletterqueue.topic.name": names.dead_letter_topics[1]}


def _mapping_in(key: str, names: Names) -> str:
    """Return a setting of one table of the sink: `topic.<topic>.<keyspace>.<table>.<option>`."""
    found = _MAPPING.fullmatch(key)
    return f"topic.{names.view_topic(found['view'])}.{names.keyspace}.{found['rest']}" if found else key


def _topic_in(topic: str, names: Names) -> str:
    prefix = Names().view_topics
    return names.view_topic(topic.removeprefix(prefix)) if topic.startswith(prefix) else topic


def addresses(config: Config) -> dict[str, str]:
    """Return what `${env:PENSTOCK_…}` stands for in a connector file, but for the secrets."""
    config = config.replicating
    return {
        **_of_database(config),
        _USER: config.database.user,
        "PENSTOCK_CASSANDRA_HOST": ",".join(config.cassandra.hosts),
        "PENSTOCK_CASSANDRA_PORT": str(config.cassandra.port),
        "PENSTOCK_CASSANDRA_DC": config.cassandra.local_dc,
        "PENSTOCK_KAFKA_BOOTSTRAP": config.kafka.bootstrap,
        "PENSTOCK_REGISTRY_URL": config.registry.root,
    }


def _of_database(config: Config) -> dict[str, str]:
    section = config.database
    return {
        "PENSTOCK_POSTGRES_HOST": section.host,
        "PENSTOCK_POSTGRES_PORT": str(section.port),
        "PENSTOCK_POSTGRES_DATABASE": section.database,
    }


def secrets(config: Config) -> dict[str, str]:
    """Return the secrets for which `${env:PENSTOCK_…}` stands: for the environment of our own worker alone."""
    own = Secrets.of(config)
    return {
        **{password_variable(each.source): each.database.password for each in sources_of(config.replicating)},
        "PENSTOCK_CASSANDRA_PASSWORD": config.cassandra.password,
        "PENSTOCK_REGISTRY_PASSWORD": config.registry.let_in.password,
        # Always: a column that is hashed later then needs no other worker.
        SECRET: config.hash_secret,
        **({STORE_PASSWORD: own.password("store")} if own.exist else {}),
    }


def converter_settings(config: Config) -> dict[str, str]:
    """Return what a converter needs to be let into the registry (LetIn.java)."""
    let_in = config.registry.let_in
    trust = {"apicurio.rest.request.ssl.ca-bundle.location": str(let_in.ca_file)} if let_in.ca_file else {}
    if let_in.token_file:
        return trust | {"apicurio.auth.token.file": str(let_in.token_file)}
    if let_in.user is None:
        return trust
    password = "${env:PENSTOCK_REGISTRY_PASSWORD}"  # noqa: S105 - a reference
    return trust | {"apicurio.auth.username": let_in.user, "apicurio.auth.password": password}


def _for_their_worker(config: Config, settings: Mapping[str, str]) -> dict[str, str]:
    """Name the converters, which a worker of others need not have, and what is in the environment of ours only."""
    known = addresses(config) | config.connect.references
    return _in_place(_converters(config) | dict(settings), known)


def _converters(config: Config) -> dict[str, str]:
    """Read them from the configuration of our own worker."""
    lines = (ROOT / "connect/worker.properties").read_text().splitlines()
    pairs = [line.split("=", 1) for line in lines if line.startswith(("key.converter", "value.converter"))]
    named = {name: value.replace("${registry}", config.registry.url) for name, value in pairs}
    own = converter_settings(config).items()
    return named | {f"{side}.converter.{name}": value for side in ("key", "value") for name, value in own}


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
    section = config.database
    mode = {"database.sslmode": section.sslmode} if section.sslmode else {}
    trust = {"database.sslrootcert": str(section.ca)} if section.ca else {}
    return mode | trust | config.excluded.settings | config.hashed.settings
