"""A secured stack: where the secrets of its own servers lie, and what the configuration says with them.

The files are made by `penstock/stack/make_secrets.py`, once. A client of a part of ours is let in as into a
server of others: by the same settings, which are filled in here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar


class Stack(Protocol):
    """The configuration, as far as this module, which stands below it, needs to know."""

    @property
    def state_dir(self) -> Path:
        """The folder of all state."""

    def model_copy(self, *, update: dict[str, Any]) -> Self:
        """Return it with other sections."""


S = TypeVar("S", bound=Stack)

FOLDER = "secrets"
"""Below the state folder. That it is there is what makes a stack a secured one."""
USER = "penstock"
"""The user of ours in every server but Postgres, whose first role its section names."""

ADMINISTRATOR = "administrator"
"""The user of Kafka that may do everything: the broker itself, and who gives the others their rights."""

LOADER = "postgres-loader"
"""The password of the role of Postgres by which Airflow logs in."""

READER, REPLICATOR = "postgres-reader", "postgres-replicator"
"""The passwords of the roles of all that only reads, and of the source connectors."""


@dataclass(frozen=True)
class Secrets:
    """The files of one stack; each is readable by its owner alone."""

    folder: Path

    @classmethod
    def of(cls, config: Stack) -> Secrets:
        """Return those of a stack, whether they were made or not."""
        return cls(config.state_dir / FOLDER)

    @property
    def exist(self) -> bool:
        """Return whether the stack is secured."""
        return self.folder.is_dir()

    @property
    def ca(self) -> Path:
        """The certificate of the authority that has signed all others. Its key was thrown away."""
        return self.folder / "ca.pem"

    def key(self, part: str) -> Path:
        """Return the private key of a part (PEM, PKCS #8)."""
        return self.folder / f"{part}.key"

    def certificate(self, part: str) -> Path:
        """Return the certificate of a part."""
        return self.folder / f"{part}.pem"

    def key_and_certificate(self, part: str) -> Path:
        """Return both in one file, as Java's servers read them."""
        return self.folder / f"{part}-both.pem"

    def store(self, part: str) -> Path:
        """Return both in a PKCS #12 store, whose password is that of `store`."""
        return self.folder / f"{part}.p12"

    def password_file(self, name: str) -> Path:
        """Return the file that holds a password."""
        return self.folder / f"{name}.password"

    def password(self, name: str) -> str:
        """Return a password."""
        return self.password_file(name).read_text().strip()

    def kafka_properties(self, user: str) -> Path:
        """Return the client properties of a user of Kafka."""
        return self.folder / f"kafka-{user}.properties"

    def curl(self, part: str) -> Path:
        """Return what `curl -K` reads to be let into a part: its command line shows no password."""
        return self.folder / f"{part}.curl"

    @property
    def airflow_users(self) -> Path:
        """The users of Airflow with their passwords, as it reads them (JSON)."""
        return self.folder / "airflow-users.json"

    @property
    def spark_token(self) -> Path:
        """The bearer token of the pages of Spark's master and worker."""
        return self.folder / "spark.token"

    @property
    def spark_daemons(self) -> Path:
        """The properties of Spark's master and worker."""
        return self.folder / "spark-daemons.properties"

    @property
    def spark_jobs(self) -> Path:
        """The properties of the jobs that are submitted to them."""
        return self.folder / "spark-jobs.properties"

    @property
    def connect_logins(self) -> Path:
        """The file of Java's login configuration that Connect checks users by."""
        return self.folder / "connect.jaas"


def secured(config: S) -> S:
    """Return the configuration with what lets clients into the servers of ours; of a stack without secrets as it is."""
    return _change(config, lambda _, filled: filled)


def unsecured(config: S) -> S:
    """Return the configuration without what `secured` has filled in: as a file may have it."""
    return _change(config, lambda section, filled: {key: section.model_fields[key].default for key in filled})


def _change(config: S, update: Callable[[type[Any], dict[str, Any]], dict[str, Any]]) -> S:
    """Change the sections of our own servers.

    :param update: is given the class of a section and what `secured` fills into it; returns the new values.
    """
    secrets = Secrets.of(config)
    if not secrets.exist:
        return config
    sections = {name: getattr(config, name) for name in _FILLED}
    changed = {
        name: section.model_copy(update=update(type(section), _FILLED[name](secrets, section)))
        for name, section in sections.items()
        if getattr(section, "managed", True)
    }
    return config.model_copy(update=changed)


def _postgres(secrets: Secrets, _section: Any) -> dict[str, Any]:
    of_duties = {"reader_password_file": READER, "replicator_password_file": REPLICATOR}
    # Secrets of an earlier version lack them until the next start.
    files = {setting: secrets.password_file(name) for setting, name in of_duties.items()}
    known = {setting: file for setting, file in files.items() if file.exists()}
    own = {"password_file": secrets.password_file("postgres"), "sslmode": "verify-full", "ca_file": secrets.ca}
    return own | known


def _kafka(secrets: Secrets, _section: Any) -> dict[str, Any]:
    return {"properties_file": secrets.kafka_properties(USER)}


def _cassandra(secrets: Secrets, _section: Any) -> dict[str, Any]:
    return {"user": USER, "password_file": secrets.password_file("cassandra"), "tls": True, "ca_file": secrets.ca}


def _registry(secrets: Secrets, section: Any) -> dict[str, Any]:
    return _web(secrets, section, "registry")


def _connect(secrets: Secrets, section: Any) -> dict[str, Any]:
    return _web(secrets, section, "connect")


def _airflow(secrets: Secrets, section: Any) -> dict[str, Any]:
    return _web(secrets, section, "airflow")


def _web(secrets: Secrets, section: Any, name: str) -> dict[str, Any]:
    return {
        "base_url": f"https://{section.host}:{section.port}",
        "user": USER,
        "password_file": secrets.password_file(name),
        "ca_file": secrets.ca,
    }


def _api(secrets: Secrets, _section: Any) -> dict[str, Any]:
    return _web_server(secrets, "api")


def _console(secrets: Secrets, _section: Any) -> dict[str, Any]:
    return _web_server(secrets, "console")


def _web_server(secrets: Secrets, name: str) -> dict[str, Any]:
    return {
        "user": USER,
        "password_file": secrets.password_file(name),
        "certificate_file": secrets.certificate(name),
        "key_file": secrets.key(name),
        "ca_file": secrets.ca,
    }


def _spark(secrets: Secrets, _section: Any) -> dict[str, Any]:
    return {"token_file": secrets.spark_token}


_FILLED = {
    "api": _api,
    "postgres": _postgres,
    "kafka": _kafka,
    "registry": _registry,
    "connect": _connect,
    "spark": _spark,
    "cassandra": _cassandra,
    "airflow": _airflow,
    "console": _console,
}
