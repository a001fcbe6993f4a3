"""The source databases."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from psycopg2.extensions import make_dsn
from pydantic import Field, PrivateAttr, model_validator

from penstock.sections.part import Host, PartSection, Port, Section, absolute, read_secret, refuse_of_others

SslMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
Standbys = tuple[Annotated[str, Field(pattern=r"^[^\s:/@?#\[\]]+:\d+$")], ...]


class Postgres(PartSection):
    """The source database; without `password_file` it trusts everybody who reaches it, so it listens on loopback only.

    `sslmode` and `ca_file` (PEM) are libpq's `sslmode` and `sslrootcert`, for every client of ours. `standbys` are the
    addresses (host:port) of those that may be promoted, which `penstock doctor` looks at. With `reader_password_file`
    all that only reads logs in as a role of its own. With `replicator_password_file` the source connector does.
    """

    of_others: ClassVar[tuple[str, ...]] = ("sslmode", "ca_file", "standbys")

    port: Port = 5432
    user: str = "postgres"
    database: str = "app"
    password_file: Path | None = None
    sslmode: SslMode | None = None
    ca_file: Path | None = None
    reader_password_file: Path | None = None
    replicator_password_file: Path | None = None
    standbys: Standbys = ()
    _names: dict[str, str] = PrivateAttr({})

    @property
    def address(self) -> str:
        """Where it is reached, for people."""
        return f"{self.host}:{self.port}"

    @property
    def password(self) -> str:
        """The content of the password file; empty without one.

        :raises PasswordUnreadable: when the file cannot be read.
        """
        return read_secret(self._named("password_file"), self.password_file)

    @property
    def ca(self) -> Path | None:
        """The absolute path of the certificates to trust."""
        return absolute(self.ca_file)

    def as_role(self, name: str, setting: str) -> Postgres:
        """Return it for another role; where that has no password of its own, as it is.

        :param setting: that names the file of the password.
        """
        password_file = getattr(self, setting)
        if password_file is None:
            return self
        made = self.model_copy(update={"user": name, "password_file": password_file})
        made._names = {"password_file": self._named(setting)}
        return made

    def of_source(self, name: str, given: dict[str, Any]) -> Postgres:
        """Return it with what the section of a further source says."""
        made = self.model_copy(update=given)
        made._names = {setting: f"sources.{name}.{setting}" for setting in given}
        return made

    def _named(self, setting: str) -> str:
        """Return a setting as the configuration names it, for people."""
        return self._names.get(setting, f"postgres.{setting}")

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


class Source(Section):
    """A further source database: another one of the same server; with a `host` of its own one of others.

    What it does not say is then as in `[postgres]`, or without a value. Without `database` it has the source's name.
    """

    host: Host | None = None
    port: Port | None = None
    user: str | None = None
    database: str | None = None
    password_file: Path | None = None
    sslmode: SslMode | None = None
    ca_file: Path | None = None
    reader_password_file: Path | None = None
    replicator_password_file: Path | None = None
    standbys: Standbys | None = None

    @model_validator(mode="after")
    def _only_of_others(self) -> Self:
        """Refuse what says how another server is reached, where none is named."""
        if self.host is None:
            named = [name for name in ("port", *Postgres.of_others) if getattr(self, name) is not None]
            refuse_of_others(named, lacks="a host of its own")
        return self

    def beside(self, first: Postgres, name: str) -> Postgres:
        """Return it as the first source database is written."""
        server = Postgres(managed=False) if self.host else first
        return server.of_source(name, {"database": name} | self.model_dump(exclude_none=True))
