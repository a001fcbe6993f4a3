"""The configuration of the jobs, from their command lines."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from penstock.address import Address, LetIn
from penstock.brokers import Brokers
from penstock.clone import ROOT
from penstock.excluded import Excluded
from penstock.hashed import SECRET, Hashed
from penstock.installation import DEFAULT, Names, password_variable
from penstock_views.snapshot.postgres import Postgres
from penstock_views.stream.local_jvm import JARS


@dataclass(frozen=True)
class JobConfig:
    """Everything that a job is given."""

    memory_setting: ClassVar[str] = "spark.driver_memory_mb"
    """By which the driver's memory is given."""

    names: Names
    bootstrap: str
    registry_url: str
    master: str
    checkpoint: Path
    views_dir: Path
    avro_dir: Path
    jars: Path
    driver_host: str
    driver_memory_mb: int
    executor_memory_mb: int
    commit_interval_s: float
    running_file: Path | None
    trouble_file: Path | None

    @property
    def app_name(self) -> str:
        """The name of the Spark application."""
        return self.names.views_app

    @property
    def kept_views(self) -> Path:
        """The folder of its copy of the view files."""
        return self.checkpoint.with_name("last-views")

    @property
    def group(self) -> str:
        """The consumer group of its looks at topics, which commit nothing."""
        return self.names.group("views-ends")


@dataclass(frozen=True)
class Source:
    """A source database, as its aggregates need it.

    :param slot: the source connector's replication slot: a run counts what comes after its snapshot, so the slot must
        be there first. Empty: nobody looks.
    """

    postgres: Postgres
    slot: str


@dataclass(frozen=True)
class AggregatesConfig(JobConfig):
    """What the aggregates' job is given besides.

    :param cores: how many tasks it runs at once.
    :param sources: the source databases by name.
    """

    memory_setting: ClassVar[str] = "spark.aggregates_memory_mb"

    cores: int
    sources: Mapping[str, Source]

    @property
    def app_name(self) -> str:
        """The name of the Spark application."""
        return self.names.aggregates_app

    @property
    def kept_views(self) -> Path:
        """The folder of its copy of the view files, beside those of the aggregates."""
        return self.checkpoint / "last-views"


def parse_arguments(arguments: Sequence[str] | None = None) -> JobConfig:
    """Read the command line of the row views' job; exits with 2 and the usage when it is wrong."""
    parser = _parser("row_views.py", "Turn CDC records into the records of every row view and history, until SIGTERM.")
    # Each commit ends a batch and starts the next, which costs some latency; after a crash what came since the last
    # commit is written again, with the same versions. Who needs a commit earlier asks for it.
    _common(parser, memory_mb=(1536, 768), commit_interval_s=300)
    return JobConfig(**_given(parser, arguments))


def parse_aggregates_arguments(arguments: Sequence[str] | None = None) -> AggregatesConfig:
    """Read the command line of the aggregates' job; exits with 2 and the usage when it is wrong."""
    parser = _parser("aggregates.py", "Keep the totals of every aggregate over CDC records, until SIGTERM.")
    # Each micro-batch is planned again, 0.2 s of the processor for each aggregate however few its records are. On two
    # cores without time left, with one every 1, 1.5 and 2 s: aggregates 1.1, 1.6 and 2.0 s behind (the slowest of 40:
    # 2.4, 2.9 and 3.1), row views 166 to 182, 80 to 84 and 67 to 69 ms.
    _common(parser, memory_mb=(512, 512), commit_interval_s=1.0)
    option = parser.add_argument
    option("--cores", type=int, default=1, help="how many tasks run at once")
    option(
        "--source",
        dest="sources",
        type=_source,
        action="append",
        required=True,
        help="a source database, as JSON: name, host, port, database, user, tls {sslmode, sslrootcert}, excluded and "
        "hashed {table: [column]}, and slot, the source connector's, without which no run starts",
    )
    given = _given(parser, arguments)
    return AggregatesConfig(**given | {"sources": dict(given["sources"])})


def _source(text: str) -> tuple[str, Source]:
    """Read a source; its secrets are in the environment, as everybody on the machine can read a command line."""
    given = json.loads(text)
    name, slot = given.pop("name", ""), given.pop("slot", "")
    excluded = Excluded.of_lists(given.pop("excluded", {}))
    hashed = Hashed.of_lists(given.pop("hashed", {})).with_secret(os.environ.get(SECRET, ""))
    password = os.environ.get(password_variable(name), "")
    return name, Source(Postgres(**given, password=password, excluded=excluded, hashed=hashed), slot)


def _given(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> dict[str, Any]:
    given = vars(parser.parse_args(arguments))
    let_in = LetIn(*(given.pop(f"registry_{name}") for name in ("user", "password_file", "token_file", "ca_file")))
    return given | {
        "names": Names(given.pop("name")),
        "bootstrap": Brokers(given["bootstrap"], given.pop("kafka_properties")),
        "registry_url": Address(given["registry_url"], let_in),
    }


def _parser(name: str, description: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog=name, description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )


def _common(parser: argparse.ArgumentParser, *, memory_mb: tuple[int, int], commit_interval_s: float) -> None:
    driver_mb, executor_mb = memory_mb
    option = parser.add_argument
    option("--name", default=DEFAULT, help="of the installation, from which those of its topics come")
    option("--bootstrap-servers", dest="bootstrap", required=True, help="Kafka brokers, host:port[,host:port]")
    option("--kafka-properties", type=Path, help="client properties of Kafka, a file on each machine of Spark")
    option(
        "--registry-url", required=True, help="Confluent API of the Schema Registry, http://host:port/apis/ccompat/v7"
    )
    option("--registry-user", help="who comes to the registry")
    for name in ("password", "token", "ca"):
        option(f"--registry-{name}-file", type=Path, help="a file on each machine of Spark")
    option("--master", required=True, help="Spark master, spark://host:port")
    option("--checkpoint", required=True, type=Path, help="folder of the job's progress; one for each stack")
    option("--views-dir", type=Path, default=ROOT / "spark" / "views", help="the view files")
    option("--avro-dir", type=Path, default=ROOT / "schemas" / "avro", help="the contracts")
    option("--jars", type=Path, default=JARS, help="folder of Spark's extra jars")
    option("--driver-host", default="127.0.0.1", help="address at which executors reach this process")
    option("--driver-memory-mb", type=int, default=driver_mb, help="heap of the driver")
    option("--executor-memory-mb", type=int, default=executor_mb, help="heap of each executor")
    option("--commit-interval-s", type=float, default=commit_interval_s, help="seconds from one commit to the next")
    option("--trouble-file", type=Path, help="holds what is wrong with the job, for commands that wait for it")
    option(
        "--running-file",
        type=Path,
        help="says which views run, for commands that wait for them",
    )
