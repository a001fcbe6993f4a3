"""The configuration of one stack: a frozen, typed object, built once from `penstock.toml` and passed down.

Order: constructor > environment `PENSTOCK_<SECTION>__<KEY>` > `penstock.toml` > the defaults here, which run the whole
stack on loopback. Unknown keys are refused. Nothing else in Penstock reads the environment.
"""

from __future__ import annotations

import os
import re
import secrets
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from psycopg2.extensions import make_dsn
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from penstock.address import Address, LetIn
from penstock.brokers import Brokers
from penstock.errors import TerminalError
from penstock.excluded import Excluded
from penstock.hashed import NOT_HASHED, SHORTEST, Hashed
from penstock.installation import DEFAULT, Names, why_no_source, why_unfit
from penstock.instances import SECTIONS, can_have_more, host_of, is_service
from penstock.names import NOT_CARRIED, is_table
from penstock.profile import Profile, noted_profile, with_profile
from penstock.secured import secured
from penstock.whole_file import write_once

ROOT = Path(__file__).resolve().parent.parent
"""The clone: everything that Penstock reads or writes lies below it."""


# `servers/prerequisites.sh` has the same, for the clone itself.
_READABLE = re.compile(r"[A-Za-z0-9/._+@~=-]+")


class ConfigInvalid(TerminalError):
    """`penstock.toml` or an environment variable holds something that the configuration does not know."""

    def __init__(self, source: Path, problems: list[str]) -> None:
        listed = "\n  ".join(problems)
        super().__init__(f"configuration refused ({source} and PENSTOCK_* variables):\n  {listed}")


class PasswordUnreadable(TerminalError):
    """The file that holds a password is not there, or not for us."""

    def __init__(self, setting: str, file: Path, cause: str) -> None:
        super().__init__(f"{setting} {file} cannot be read: {cause}")


class SecretShort(TerminalError):
    """Whoever has a hash could find such a secret by trying."""

    def __init__(self, file: Path) -> None:
        super().__init__(f"hash_secret_file {file} holds fewer than {SHORTEST} characters: `openssl rand -hex 32`")


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Server(_Section):
    host: str = "127.0.0.1"


class PartSection(_Server):
    """A part that Penstock runs; with `managed` false others run it at that address, and Penstock is its client."""

    managed: bool = True

    @property
    def address(self) -> str:
        """Where it is reached, for people."""
        raise NotImplementedError

    @property
    def count(self) -> int:
        """How many instances of it Penstock runs."""
        return 1

    @property
    def own_hosts(self) -> tuple[str, ...]:
        """The address of each of these instances."""
        return tuple(host_of(self.host, number) for number in range(1, self.count + 1))

    @model_validator(mode="after")
    def _has_addresses(self) -> Self:
        if self.count > 1 and not (self.managed and can_have_more(self.host)):
            raise PydanticCustomError("several", "more than one takes managed = true, and a host of 127.0.0.0/8")
        return self


Port = Annotated[int, Field(ge=1, le=65535)]

_MOST = 9
"""Instances of a part on one machine."""


def _copies(instances: int) -> int:
    """Return how many copies there are by themselves: the majority of three is there while one is away."""
    return min(instances, 3)


def _most(copies: int) -> int:
    """Return how many copies must be there: all but one."""
    return max(copies - 1, 1)


def _read_secret(setting: str, file: Path | None) -> str:
    """Return the content of a file that holds a secret; empty without one.

    :raises PasswordUnreadable: when the file cannot be read.
    """
    if file is None:
        return ""
    try:
        return (ROOT / file).read_text().strip()
    except OSError as exc:
        raise PasswordUnreadable(setting, file, exc.strerror or str(exc)) from exc


SslMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
_Standbys = tuple[Annotated[str, Field(pattern=r"^\S+:\d+$")], ...]


class _WebServer(_Server):
    """A server of ours that speaks HTTP.

    With `user` and `password_file` it lets nobody else in; with `certificate_file` and `key_file` (PEM) it speaks TLS,
    and `ca_file` is what our own clients trust.
    """

    port: Port
    user: str | None = None
    password_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    ca_file: Path | None = None

    def at(self, path: str) -> Address:
        """Return the address of a path."""
        scheme = "https" if self.certificate_file else "http"
        let_in = LetIn(self.user, _absolute(self.password_file), None, _absolute(self.ca_file))
        return Address(f"{scheme}://{self.host}:{self.port}{path}", let_in)


class Api(_WebServer):
    """The stand-in of randomuser.me, which is what Airflow asks for users unless it is configured with another address.

    `proxy` is the HTTP proxy by which Airflow reaches that other address; the environment's is asked by nobody.
    """

    port: Port = 8000
    proxy: str | None = None

    @property
    def url(self) -> Address:
        """The address that answers users."""
        return self.at("/api/")


class Postgres(PartSection):
    """The source database; without `password_file` it trusts whoever reaches it, so it listens on loopback only.

    `sslmode` and `ca_file` (PEM) are libpq's `sslmode` and `sslrootcert`, for every client of ours. `standbys` are the
    addresses (host:port) of those that may be promoted, which `penstock doctor` looks at.
    """

    port: Port = 5432
    user: str = "postgres"
    database: str = "app"
    password_file: Path | None = None
    sslmode: SslMode | None = None
    ca_file: Path | None = None
    standbys: _Standbys = ()

    @property
    def address(self) -> str:
        """Where it is reached, for people."""
        return f"{self.host}:{self.port}"

    @property
    def password(self) -> str:
        """The content of the password file; empty without one.

        :raises PasswordUnreadable: when the file cannot be read.
        """
        return _read_secret("postgres.password_file", self.password_file)

    @property
    def ca(self) -> Path | None:
        """The absolute path of the certificates to trust."""
        return ROOT / self.ca_file if self.ca_file else None

    @property
    def tls(self) -> dict[str, str]:
        """What libpq and Postgres' JDBC driver are given for encryption, by the names that they share."""
        mode = {"sslmode": str(self.sslmode)} if self.sslmode else {}
        return mode | ({"sslrootcert": str(self.ca)} if self.ca else {})

    @property
    def tls_environment(self) -> dict[str, str]:
        """The same for programs that read libpq's environment."""
        return {f"PG{name.upper()}": value for name, value in self.tls.items()}

    @property
    def dsn(self) -> str:
        """The libpq connection string of the source database."""
        return self.dsn_of(self.database)

    @property
    def first_database(self) -> str:
        """One that is there in any case, for looking after the others."""
        return "postgres" if self.managed else self.database

    def dsn_of(self, database: str) -> str:
        """Return the libpq connection string of a database of this server; it holds the password."""
        secret = {"password": self.password} if self.password_file else {}
        return str(make_dsn(host=self.host, port=self.port, user=self.user, dbname=database, **secret, **self.tls))


class Source(_Section):
    """A further source database: another one of the same server; with a `host` of its own one of others.

    What it does not say is then as in `[postgres]`, or without a value. Without `database` it has the source's name.
    """

    host: str | None = None
    port: Port | None = None
    user: str | None = None
    database: str | None = None
    password_file: Path | None = None
    sslmode: SslMode | None = None
    ca_file: Path | None = None
    standbys: _Standbys | None = None

    def beside(self, first: Postgres, name: str) -> Postgres:
        """Return it as the first source database is written."""
        server = Postgres(managed=False) if self.host else first
        return server.model_copy(update={"database": name} | self.model_dump(exclude_none=True))


class KafkaMode(StrEnum):
    """Who keeps the broker's metadata."""

    KRAFT = "kraft"
    ZOOKEEPER = "zookeeper"


class Kafka(PartSection):
    """The brokers; `partitions` is per CDC and view topic. Data that began in one mode is never opened in the other.

    Of several brokers each record has up to three copies, and is acknowledged when all but one have it.
    `host_port` is a second door, for clients that know the broker as 127.0.0.1 only: those outside of its container.
    Of a Kafka of others `bootstrap_servers` are several brokers to start from, in place of `host` and `port`, and
    `properties_file` are properties of Java's clients that let ours in. `metrics_port` shows its MBeans to Prometheus.
    """

    mode: KafkaMode = KafkaMode.KRAFT
    brokers: int = Field(1, ge=1, le=_MOST)
    port: Port = 9092
    host_port: Port | None = None
    controller_port: Port = 9093
    metrics_port: Port | None = None
    heap_mb: int = Field(512, ge=256)
    partitions: int = Field(1, ge=1)
    replication_factor: int = Field(default_factory=lambda given: _copies(given.get("brokers", 1)), ge=1)
    min_insync_replicas: int = Field(default_factory=lambda given: _most(given.get("replication_factor", 1)), ge=1)
    bootstrap_servers: str | None = None
    properties_file: Path | None = None

    @model_validator(mode="after")
    def _only_of_others(self) -> Self:
        if self.managed and (self.bootstrap_servers or self.properties_file):
            raise PydanticCustomError(
                "not_of_ours", "bootstrap_servers and properties_file are for a Kafka of others: managed = false"
            )
        return self

    @property
    def address(self) -> str:
        """Where it is reached, for people."""
        return self.bootstrap

    @property
    def count(self) -> int:
        """How many brokers Penstock runs."""
        return self.brokers

    @property
    def bootstrap(self) -> Brokers:
        """The address clients start from, and how they are let in."""
        file = ROOT / self.properties_file if self.properties_file else None
        own = ",".join(f"{host}:{self.port}" for host in self.own_hosts)
        return Brokers(self.bootstrap_servers or own, file)


class ZooKeeper(_Server):
    """ZooKeeper, which runs when the mode of Kafka is "zookeeper"."""

    port: Port = 2181
    heap_mb: int = Field(128, ge=64)

    @property
    def address(self) -> str:
        """Where the broker finds it."""
        return f"{self.host}:{self.port}"


class WebSection(PartSection):
    """A part that is spoken to by HTTP.

    Of one of others, `base_url` is its address in place of `host` and `port`, `user` and `password_file` let us in, and
    `ca_file` (PEM) holds the certificates to trust in place of the machine's.
    """

    port: Port
    base_url: str | None = None
    user: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None

    @model_validator(mode="after")
    def _only_of_others(self) -> Self:
        if self.managed and (self.base_url or self.user or self.ca_file):
            raise PydanticCustomError(
                "not_of_ours", "base_url, user and ca_file are for one of others: managed = false"
            )
        return self

    @property
    def root(self) -> Address:
        """The address without any path, and how its server lets us in."""
        return self.at("")

    @property
    def let_in(self) -> LetIn:
        """How its server lets us in."""
        return LetIn(self.user, _absolute(self.password_file), None, _absolute(self.ca_file))

    def at(self, path: str) -> Address:
        """Return the address of a path."""
        base = self.base_url.rstrip("/") if self.base_url else f"http://{self.host}:{self.port}"
        return Address(base + path, self.let_in)


def _absolute(file: Path | None) -> Path | None:
    return ROOT / file if file else None


class Registry(WebSection):
    """The Schema Registry; `token_file` holds a bearer token, in place of a user and password."""

    port: Port = 8081
    token_file: Path | None = None
    heap_mb: int = Field(256, ge=128)

    @property
    def let_in(self) -> LetIn:
        """How its server lets us in."""
        return replace(super().let_in, token_file=_absolute(self.token_file))

    @property
    def address(self) -> str:
        """Where it is reached, for people."""
        return self.url

    @property
    def url(self) -> Address:
        """The Confluent-compatible API."""
        return self.at("/apis/ccompat/v7")


class Connect(WebSection):
    """The Kafka Connect workers; `watch` restarts connectors that failed, `metrics_port` shows a worker's MBeans.

    `references` are what a worker of others has in place of our `${env:PENSTOCK_…}`, such as `${file:PATH:KEY}`.
    """

    workers: int = Field(1, ge=1, le=_MOST)
    port: Port = 8083
    metrics_port: Port | None = None
    heap_mb: int = Field(768, ge=256)
    watch: bool = True
    references: dict[str, Annotated[str, Field(pattern=r"^\$\{[^{}]+\}$")]] = {}

    @property
    def address(self) -> str:
        """Where it is reached, for people."""
        return self.url

    @property
    def count(self) -> int:
        """How many workers Penstock runs."""
        return self.workers

    def of_worker(self, number: int) -> Self:
        """Return the section as clients of one worker alone need it."""
        return self.model_copy(update={"host": self.own_hosts[number - 1], "workers": 1}) if number > 1 else self

    @property
    def url(self) -> Address:
        """The REST API, of the first worker and the others."""
        others = tuple(str(self.of_worker(number).root) for number in range(2, self.workers + 1))
        return Address(self.root, self.let_in, others)


class Spark(PartSection):
    """The Spark master, its workers and the two jobs; the aggregates' driver and executors have a heap each.

    On each worker each job has an executor. It holds groups on disk, with 128 MB for them outside of its heap.

    `local_host` is the name by which others reach this process, where that is not the master's. Every
    `commit_interval_s` each query of row views commits its offsets, earlier where somebody waits for it. That holds its
    table up for a moment; after a crash what came since is written again, with the same versions. Every
    `aggregates_interval_s` the other job adds up what came since: each time costs the same, however little it was.

    `token_file` holds the bearer token of the master's web page, where it asks for one.
    """

    local_host: str | None = None
    workers: int = Field(1, ge=1, le=_MOST)
    master_port: Port = 7077
    master_ui_port: Port = 9090
    worker_port: Port = 7078
    worker_ui_port: Port = 9091
    token_file: Path | None = None
    executor_memory_mb: int = Field(768, ge=512)
    driver_memory_mb: int = Field(1536, ge=512)
    commit_interval_s: int = Field(300, ge=1, le=3600)
    aggregates_memory_mb: int = Field(512, ge=512)
    aggregates_interval_s: float = Field(1.0, ge=0.1, le=600)

    @property
    def address(self) -> str:
        """Where it is reached, for people."""
        return self.master_url

    @property
    def count(self) -> int:
        """How many workers Penstock runs."""
        return self.workers

    @property
    def own_host(self) -> str:
        """The address at which this machine's worker and drivers are reached."""
        return self.local_host or self.host

    @property
    def master_url(self) -> str:
        """The address of the master."""
        return f"spark://{self.host}:{self.master_port}"

    @property
    def master_page(self) -> Address:
        """What the master reports of itself as JSON."""
        url = f"http://{self.host}:{self.master_ui_port}/json/"
        return Address(url, LetIn(token_file=_absolute(self.token_file)))


Consistency = Literal["LOCAL_QUORUM", "LOCAL_ONE", "ONE", "TWO", "THREE", "QUORUM", "EACH_QUORUM", "ALL"]


class Cassandra(PartSection):
    """The database that holds the views.

    `contact_points` are the nodes to find the cluster by, where one `host` is not enough; `replication` the copies in
    each datacenter, where there are more than the local one. `tls` encrypts; one of `ca_file` (PEM, else one of the
    machine's authorities) must have signed the certificate of each node, which carries its address, unless
    `check_hostname` is off.
    """

    nodes: int = Field(1, ge=1, le=_MOST)
    port: Port = 9042
    contact_points: tuple[str, ...] = ()
    user: str | None = None
    password_file: Path | None = None
    tls: bool = False
    ca_file: Path | None = None
    check_hostname: bool = True
    consistency: Consistency = "LOCAL_QUORUM"
    replication: dict[str, int] = {}
    storage_port: Port = 7000
    local_dc: str = "datacenter1"
    replication_factor: int = Field(default_factory=lambda given: _copies(given.get("nodes", 1)), ge=1)
    heap_mb: int = Field(1024, ge=512)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The nodes to begin with."""
        return self.contact_points or self.own_hosts

    @property
    def count(self) -> int:
        """How many nodes Penstock runs."""
        return self.nodes

    @property
    def address(self) -> str:
        """Where it is reached, for people."""
        return ", ".join(f"{host}:{self.port}" for host in self.hosts)

    @property
    def password(self) -> str:
        """The content of the password file; empty without one.

        :raises PasswordUnreadable: when the file cannot be read.
        """
        return _read_secret("cassandra.password_file", self.password_file)

    @property
    def ca(self) -> Path | None:
        """The absolute path of the certificates to trust."""
        return ROOT / self.ca_file if self.ca_file else None

    @property
    def copies(self) -> dict[str, int]:
        """How many copies of each row each datacenter has."""
        return self.replication or {self.local_dc: self.replication_factor}


class Airflow(WebSection):
    """The loader; without it (`enabled`) rows come into Postgres by others alone."""

    port: Port = 8080
    enabled: bool = True

    @property
    def address(self) -> str:
        """Where it is reached, for people."""
        return self.url

    @property
    def url(self) -> Address:
        """The REST API and web page."""
        return self.root


class Console(_WebServer):
    """The control center; it only reads unless `write` is set.

    `masked` names columns whose values it never shows; `allowed_hosts` the names besides `host` and localhost by which
    browsers may reach it; `alerts` is the file of its rules.
    """

    port: Port = 9021
    enabled: bool = True
    write: bool = False
    masked: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    alerts: Path = Path("alerts.toml")

    @property
    def url(self) -> Address:
        """The address of its pages and of its API."""
        return self.at("")


class SourceTable(_Section):
    """What holds for a table and all of its views.

    The values of the columns in `exclude` never leave Postgres. Of those in `hash`, hashes leave it in their place.
    """

    exclude: tuple[str, ...] = ()
    hash: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if both := sorted({*self.exclude} & {*self.hash}):
            problem = f"{', '.join(both)}: either in `exclude` or in `hash`"
            raise PydanticCustomError("excluded_and_hashed", "{problem}", {"problem": problem})
        return self


def _table(name: str) -> str:
    """Refuse a name that no view can give its table: what is said of it would hold for none."""
    if not is_table(name):
        problem = f"must be schema.table, as the catalogue spells it; {NOT_CARRIED}"
        raise PydanticCustomError("unfit_table", "{problem}", {"problem": problem})
    return name


def _no_source(name: str) -> str:
    if problem := why_no_source(name):
        raise PydanticCustomError("unfit_source", "{problem}", {"problem": problem})
    return name


def _readable(path: Path) -> Path:
    """Refuse a path that a server could not read: Spark splits at blanks and commas, Java's properties are Latin-1."""
    if not _READABLE.fullmatch(str(path)):
        known = "only ASCII letters, digits and / . _ + @ ~ = - in a path, which Spark and Kafka Connect read too"
        raise PydanticCustomError("unreadable_path", known)
    return path


def _fit(name: str) -> str:
    """Refuse a name that the servers could not have, or that would meet another installation's."""
    if problem := why_unfit(name):
        raise PydanticCustomError("unfit_name", "{problem}", {"problem": problem})
    return name


class Config(BaseSettings):
    """One stack: where its state lies and how each part is reached.

    `name`: all that it makes in the servers has its names from it (docs/contracts.md, "Names"). `supervised`: its parts
    are processes of this machine that Penstock starts; false where containers run them. `profile`: a word for settings
    that hold where nothing else is said.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix="PENSTOCK_",
        env_nested_delimiter="__",
    )

    name: Annotated[str, AfterValidator(_fit)] = DEFAULT
    state: Annotated[Path, AfterValidator(_readable)] = Path("var")
    project: Path = Path()
    supervised: bool = True
    profile: Profile | None = None
    api: Api = Api()
    postgres: Postgres = Postgres()
    sources: dict[Annotated[str, AfterValidator(_no_source)], Source] = {}
    kafka: Kafka = Kafka()
    zookeeper: ZooKeeper = ZooKeeper()
    registry: Registry = Registry()
    connect: Connect = Connect()
    spark: Spark = Spark()
    cassandra: Cassandra = Cassandra()
    airflow: Airflow = Airflow()
    console: Console = Console()
    tables: dict[Annotated[str, AfterValidator(_table)], SourceTable] = {}
    hash_secret_file: Path | None = None
    _source: str = PrivateAttr("")

    @model_validator(mode="after")
    def _has_addresses(self) -> Self:
        """Refuse instances that are found by name on this machine, where nobody gives their names addresses."""
        sections = {name: getattr(self, name) for name in SECTIONS.values()}
        named = [name for name, each in sections.items() if each.count > 1 and is_service(each.host)]
        if self.supervised and named:
            problem = f"{', '.join(named)}: more than one takes a host of 127.0.0.0/8"
            raise PydanticCustomError("several", "{problem}", {"problem": problem})
        return self

    @property
    def source(self) -> str:
        """The source whose database and names this configuration has; empty for the first one, `[postgres]`."""
        return self._source

    def of_source(self, source: str) -> Config:
        """Return the same configuration with the database and names of a source."""
        other = self.model_copy()
        other._source = source
        return other

    @property
    def database(self) -> Postgres:
        """The source database."""
        return self.sources[self.source].beside(self.postgres, self.source) if self.source else self.postgres

    @property
    def names(self) -> Names:
        """The names in the servers, as the source has them."""
        return Names(self.name, self.source)

    @property
    def section(self) -> str:
        """The section that says where the server of the source database is, for people."""
        return f"[sources.{self.source}]" if self.source and self.sources[self.source].host else "[postgres]"

    @property
    def excluded(self) -> Excluded:
        """The columns whose values never leave the source database."""
        return Excluded(self._columns(lambda table: table.exclude))

    def source_table(self, name: str) -> tuple[str, str]:
        """Take a table's name apart: `billing:public.invoices` is one of the source billing, where there is one."""
        source, _, table = name.partition(":")
        return (source, table) if table and source in self.sources else ("", name)

    @property
    def hashed(self) -> Hashed:
        """The columns of which only hashes leave the source database.

        :raises PasswordUnreadable, SecretShort: their secret cannot be read, or is none.
        """
        columns = self._columns(lambda table: table.hash)
        return Hashed(columns, self.hash_secret) if columns else NOT_HASHED

    def _columns(self, named: Callable[[SourceTable], Sequence[str]]) -> dict[str, frozenset[str]]:
        """Return the columns that each table of the source names so."""
        tables = [(*self.source_table(name), frozenset(named(table))) for name, table in self.tables.items()]
        return {table: columns for source, table, columns in tables if columns and source == self.source}

    @property
    def hash_secret(self) -> str:
        """The secret of hashes; where no file is named, it is made at its first use."""
        file = self.hash_secret_file or self.state_dir / "hash.secret"
        if self.hash_secret_file is None:
            write_once(file, secrets.token_hex(SHORTEST) + "\n")
        secret = _read_secret("hash_secret_file", file)
        if len(secret) < SHORTEST:
            raise SecretShort(file)
        return secret

    @property
    def state_dir(self) -> Path:
        """The absolute folder of all state: data, logs, run files."""
        return (ROOT / self.state).resolve()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the environment above the file, whose content arrives as constructor arguments."""
        return env_settings, init_settings


def load_config(path: Path | None = None, *, profile: Profile | None = None) -> Config:
    """Read the configuration of one stack; where it is a secured one, with what lets clients in.

    :param path: the TOML file; without it `$PENSTOCK_CONFIG`, then `penstock.toml` in the clone (which may be absent).
    :param profile: to begin with; data that exist have their own.
    :raises ConfigInvalid: naming every unknown key, wrong type and unreadable line at once.
    """
    chosen = path or Path(os.environ.get("PENSTOCK_CONFIG", ROOT / "penstock.toml"))
    given = path is not None or "PENSTOCK_CONFIG" in os.environ
    try:
        return secured(_with_profile(_read_toml(chosen, required=given), profile))
    except ValidationError as exc:
        raise ConfigInvalid(chosen, [_explain(error) for error in exc.errors()]) from exc


def _with_profile(said: dict[str, Any], asked: Profile | None) -> Config:
    """Fill in what the profile says; which one is a setting too, or noted in the state folder, which is another."""
    config = Config(**said)
    profile = asked or config.profile or noted_profile(config.state_dir)
    return Config(**with_profile(said, profile)) if profile else config


def _read_toml(path: Path, *, required: bool) -> dict[str, Any]:
    if not path.exists():
        if required:
            raise ConfigInvalid(path, ["the file does not exist"])
        return {}
    try:
        return tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigInvalid(path, [f"not valid TOML: {exc}"]) from exc


def _explain(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"])
    if not where:
        return str(error["msg"])
    if error["type"] == "extra_forbidden":
        return f"{where}: unknown key; penstock.toml.example lists the known ones"
    if "references" in error["loc"]:
        return f"{where}: must be a reference such as ${{file:PATH:KEY}}, never the secret itself"
    return f"{where}: {error['msg']} (got {error['input']!r})"
