"""The configuration of one stack: a frozen, typed object, built once from `penstock.toml` and passed down.

Order: environment `PENSTOCK_<SECTION>__<KEY>` > `penstock.toml` > the defaults here, which run the whole stack on
loopback. Unknown keys are refused. No other module reads a setting of a user's from the environment.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import tomllib
from collections.abc import Callable, Collection, Sequence
from math import ceil
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, PrivateAttr, ValidationError, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from penstock.clone import ROOT
from penstock.environment import misspelt
from penstock.errors import TerminalError
from penstock.excluded import Excluded
from penstock.hashed import NOT_HASHED, SHORTEST, Hashed
from penstock.installation import DEFAULT, Names, why_no_source, why_unfit
from penstock.instances import SECTIONS, is_service
from penstock.names import NOT_CARRIED, is_table
from penstock.profile import Profile, noted_profile, with_profile
from penstock.sections.airflow import Airflow, Api
from penstock.sections.cassandra import Cassandra
from penstock.sections.connect import Connect, Registry
from penstock.sections.console import Console
from penstock.sections.kafka import Kafka, ZooKeeper
from penstock.sections.part import read_secret
from penstock.sections.postgres import Postgres, Source
from penstock.sections.spark import Spark
from penstock.sections.tables import SourceTable
from penstock.secured import secured, unsecured
from penstock.whole_file import write_once

# `servers/prerequisites.sh` has the same, for the clone itself.
_READABLE = re.compile(r"[A-Za-z0-9/._+@~=-]+")
_PARTITION_MB = 256
"""What rows of the largest size take of an executor's heap, decoded and written, for each partition that it reads."""


class ConfigInvalid(TerminalError):
    """`penstock.toml` or an environment variable holds something that the configuration does not know."""

    def __init__(self, source: Path, problems: list[str]) -> None:
        listed = "\n  ".join(problems)
        super().__init__(f"configuration refused ({source} and PENSTOCK_* variables):\n  {listed}")


class SecretShort(TerminalError):
    """Everybody who has a hash could find such a secret by trying."""

    def __init__(self, file: Path) -> None:
        super().__init__(f"hash_secret_file {file} holds fewer than {SHORTEST} characters: `openssl rand -hex 32`")


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


def _no_tilde(path: Path) -> Path:
    """Refuse a folder of the name `~`, which a later `rm -rf ~` would be meant for."""
    if str(path).startswith("~"):
        raise PydanticCustomError("tilde", "~ is no home folder here; write the path in full")
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
    state: Annotated[Path, AfterValidator(_readable), AfterValidator(_no_tilde)] = Path("var")
    project: Annotated[Path, AfterValidator(_no_tilde)] = Path()
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
    _duty: Literal["reader", "replicator"] | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _has_addresses(self) -> Self:
        """Refuse instances that are found by name on this machine, where nobody gives their names addresses."""
        sections = {name: getattr(self, name) for name in SECTIONS.values()}
        named = [name for name, each in sections.items() if each.count > 1 and is_service(each.host)]
        if self.supervised and named:
            problem = f"{', '.join(named)}: more than one takes a host of 127.0.0.0/8"
            raise PydanticCustomError("several", "{problem}", {"problem": problem})
        return self

    @model_validator(mode="after")
    def _has_a_folder_of_its_own(self) -> Self:
        """Refuse a state folder with more in it than a stack: `reset` deletes it as a whole."""
        home = os.path.expanduser("~")  # noqa: PTH111 - Path.home() fails for a user without an entry
        others = {"clone": ROOT, "home folder": Path(home).resolve()}
        for name, folder in others.items():
            if folder.is_relative_to(self.state_dir):
                how = "is" if folder == self.state_dir else "holds"
                problem = f"state {how} the {name} {folder}, which `reset` would delete; give it a folder of its own"
                raise PydanticCustomError("state", "{problem}", {"problem": problem})
        return self

    @property
    def executor_memory_mb(self) -> int:
        """The heap of an executor of row views, which holds records of each partition that it reads."""
        return self.spark.executor_memory_mb + self._room_mb

    @property
    def aggregates_memory_mb(self) -> int:
        """The same of the aggregates."""
        return self.spark.aggregates_memory_mb + self._room_mb

    @property
    def _room_mb(self) -> int:
        return _PARTITION_MB * (ceil(self.kafka.partitions / self.spark.workers) - 1)

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
    def reading(self) -> Config:
        """The same configuration for who only reads the source databases."""
        return self._as("reader")

    @property
    def replicating(self) -> Config:
        """The same for the source connectors."""
        return self._as("replicator")

    def _as(self, duty: Literal["reader", "replicator"]) -> Config:
        other = self.model_copy()
        other._duty = duty
        return other

    @property
    def database(self) -> Postgres:
        """The source database, as who has this configuration logs in there."""
        section, duty = self._database, self._duty
        return section.as_role(f"{self.role}_{duty}", f"{duty}_password_file") if duty else section

    @property
    def role(self) -> str:
        """Penstock's role of the source database, after which those of single duties are named.

        In a Postgres of ours its place has the first user, a superuser.
        """
        return self.name if self._database.managed else self._database.user

    @property
    def _database(self) -> Postgres:
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
        secret = read_secret("hash_secret_file", file)
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
    unknown = misspelt(os.environ, _settings())
    try:
        config = secured(_with_profile(_read_toml(chosen, required=given), profile))
    except ValidationError as exc:
        raise ConfigInvalid(chosen, [*unknown, *_explained(exc)]) from exc
    except SettingsError as exc:
        raise ConfigInvalid(chosen, [*unknown, *_no_json()]) from exc
    if problems := [*unknown, *config.kafka.problems]:
        raise ConfigInvalid(chosen, problems)
    return config


def _settings() -> dict[str, Collection[str] | None]:
    """Return what variables can set, and the keys of each."""
    keys = {name: _keys_of(field.default) for name, field in Config.model_fields.items()}
    return keys | dict.fromkeys(("config", "dag"))


def _keys_of(section: Any) -> Collection[str] | None:
    if isinstance(section, BaseModel):
        return type(section).model_fields
    return () if isinstance(section, dict) else None


def to_json(config: Config) -> str:
    """Return a configuration as a process of ours is given it, which fills in by itself what lets clients in."""
    return unsecured(config).model_dump_json(indent=2)


def from_json(text: str) -> Config:
    """Return the configuration that :func:`to_json` wrote."""
    return secured(Config(**json.loads(text)))


def _with_profile(said: dict[str, Any], asked: Profile | None) -> Config:
    """Fill in what the profile says; which one is a setting too, or noted in the state folder, which is another."""
    config = Config(**said)
    profile = asked or config.profile or noted_profile(config.state_dir)
    return Config(**with_profile(said, profile)) if profile else config


def _read_toml(path: Path, *, required: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        # A link that leads nowhere was meant for something: the defaults would be another stack.
        if required or path.is_symlink():
            problem = (
                f"the link leads to no file: {path.readlink()}" if path.is_symlink() else "the file does not exist"
            )
            raise ConfigInvalid(path, [problem]) from exc
        return {}
    except OSError as exc:
        raise ConfigInvalid(path, [f"the file cannot be read: {exc.strerror}"]) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigInvalid(path, [f"not valid TOML: {exc}"]) from exc


def _no_json() -> list[str]:
    """Say which variables are no JSON and must be: pydantic names their section alone."""
    form = """must be JSON, such as '["a", "b"]' for a list and '{"key": "value"}' for a table"""
    source, refused = EnvSettingsSource(Config), []
    for name, value in dict(source.env_vars).items():
        source.env_vars = {name: value}
        try:
            source()
        except SettingsError:
            refused.append(f"{name.upper()}: {form}")
    return refused


def _explained(exc: ValidationError) -> list[str]:
    """Explain each error, but for a default that was not made because of another one."""
    return [_explain(error) for error in exc.errors() if error["type"] != "default_factory_not_called"]


def _explain(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"])
    if not where:
        return str(error["msg"])
    if error["type"] == "extra_forbidden":
        return f"{where}: unknown key; penstock.toml.example lists the known ones"
    if "references" in error["loc"]:
        return f"{where}: must be a reference such as ${{file:PATH:KEY}}, never the secret itself"
    return f"{where}: {error['msg']}{_got(error['input'])}"


def _got(value: Any) -> str:
    """Show what was read, unless a password may be in it: in an address, or anywhere in a section."""
    is_shown = isinstance(value, bool | int | float | Path) or (
        isinstance(value, str) and "@" not in value and "://" not in value
    )
    return f" (got {str(value) if isinstance(value, Path) else value!r})" if is_shown else ""
