"""Job as tutorials build it, the peer of `penstock bench peer`: micro-batches, `foreachBatch`, the plain driver.

It keeps one row for each user, every value as text. It compares no versions, commits no offsets for others to see, and
keeps nothing of what fails: less work than Penstock does.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cassandra.cluster import Session
from cassandra.concurrent import execute_concurrent_with_args
from penstock_views.stream.local_jvm import JARS
from penstock_views.stream.session import session_builder, start_session
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.avro.functions import from_avro

from penstock.cassandra.session import open_session
from penstock.config import from_json

TABLE = "penstock_bench_peer"
_CONFLUENT_HEAD = 5
"""A zero and the schema's id, before the Avro itself."""


@dataclass(frozen=True)
class Settings:
    """What the process is started with, as JSON.

    :param config: the file of the configuration.
    :param schema: of the change records; one that was registered before is not understood.
    """

    config: str
    topic: str
    schema: str
    checkpoint: str


def main(settings: Settings) -> None:
    """Keep the table until killed."""
    config = from_json(Path(settings.config).read_text())
    columns = columns_of(settings.schema)
    spark = start_session(session_builder("local[2]", JARS))
    read = spark.readStream.format("kafka").option("kafka.bootstrap.servers", config.kafka.bootstrap)
    records = read.option("subscribe", settings.topic).option("startingOffsets", "latest").load()
    change = from_avro(F.expr(f"substring(value, {_CONFLUENT_HEAD + 1})"), settings.schema).alias("change")
    images = [F.col(f"change.after.{name}").cast("string").alias(name) for name in columns]
    rows = records.where("value IS NOT NULL").select(change).where("change.after IS NOT NULL").select(*images)
    with open_session(config) as session:
        write = _writer(session, config.names.keyspace, columns)
        query = rows.writeStream.foreachBatch(write).option("checkpointLocation", settings.checkpoint).start()
        query.awaitTermination()


def columns_of(schema: str) -> tuple[str, ...]:
    """Name the columns of a change record's images; they are spelled out in its first, `before`."""
    (before,) = (field for field in json.loads(schema)["fields"] if field["name"] == "before")
    (image,) = (branch for branch in before["type"] if isinstance(branch, dict))
    return tuple(field["name"] for field in image["fields"])


def _writer(session: Session, keyspace: str, columns: tuple[str, ...]) -> Callable[[DataFrame, int], None]:
    marks = ", ".join("?" * len(columns))
    insert = session.prepare(f"INSERT INTO {keyspace}.{TABLE} ({', '.join(columns)}) VALUES ({marks})")  # noqa: S608

    def write(batch: DataFrame, _number: int) -> None:
        execute_concurrent_with_args(session, insert, [tuple(row) for row in batch.collect()], concurrency=100)

    return write


if __name__ == "__main__":
    main(Settings(**json.loads(sys.argv[1])))
