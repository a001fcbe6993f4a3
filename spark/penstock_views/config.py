"""The configuration of a views job, from its command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from penstock_views.names import TOPIC_PREFIX, topic_of
from penstock_views.session import JARS

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class JobConfig:
    """Everything that the job is told; it reads no environment."""

    bootstrap: str
    registry_url: str
    master: str
    app_name: str
    checkpoint: Path
    views_dir: Path
    avro_dir: Path
    jars: Path
    topic_prefix: str
    dead_letter_topic: str
    driver_host: str
    driver_memory_mb: int
    executor_memory_mb: int
    commit_interval_s: int
    view_set: str

    def cdc_topic(self, table: str) -> str:
        """Name the CDC topic of a table."""
        return topic_of(table, self.topic_prefix)


def parse_arguments(arguments: Sequence[str] | None = None) -> JobConfig:
    """Read the command line; exits with 2 and the usage when it is wrong."""
    parser = argparse.ArgumentParser(
        prog="row_views.py",
        description="Turn CDC records into the records of every row view, until SIGTERM.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    option = parser.add_argument
    option("--bootstrap-servers", dest="bootstrap", required=True, help="Kafka brokers, host:port[,host:port]")
    option(
        "--registry-url", required=True, help="Confluent API of the Schema Registry, http://host:port/apis/ccompat/v7"
    )
    option("--master", required=True, help="Spark master, spark://host:port")
    option("--app-name", default="penstock-views", help="name of the Spark application")
    option("--checkpoint", required=True, type=Path, help="folder of the query's progress; one for each stack")
    option("--views-dir", type=Path, default=_ROOT / "spark" / "views", help="the view files")
    option("--avro-dir", type=Path, default=_ROOT / "schemas" / "avro", help="the contracts")
    option("--jars", type=Path, default=JARS, help="folder of Spark's extra jars")
    option("--topic-prefix", default=TOPIC_PREFIX, help="the source connector's topic.prefix")
    option("--dead-letter-topic", default="dead-letters.views", help="where unprocessable records go")
    option("--driver-host", default="127.0.0.1", help="address at which executors reach this process")
    option("--driver-memory-mb", type=int, default=512, help="heap of the driver")
    option("--executor-memory-mb", type=int, default=768, help="heap of each executor")
    # Each commit ends a batch and starts the next, which costs some latency; after a crash what came since the last
    # commit is written again, with the same versions. A minute weighs one against the other.
    option("--commit-interval-s", type=int, default=60, help="seconds between commits of progress, 5 or more")
    option("--view-set", default="", help="says which views these are, for whoever compares what runs with what should")
    return JobConfig(**vars(parser.parse_args(arguments)))
