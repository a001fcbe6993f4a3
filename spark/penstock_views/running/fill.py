"""Fills views from one snapshot of their table, past the change stream, whose later changes win by their versions.

L is the last offset of the table's CDC topic before the snapshot was taken. Each row is written as a read (`r`) at L
would be. A change up to L is in the snapshot, and one after it has a higher version and the same content or newer. At L
itself is no change: it is the marker of the source's last transaction.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from penstock.brokers import java_settings
from penstock.names import in_spark
from penstock.offsets import Place
from penstock_views.change.decode import left_out, open_records, read_image, written
from penstock_views.change.envelope import Writer
from penstock_views.change.source import IMAGES, Source, WriterSchemas
from penstock_views.change.wire import HEADERS_TYPE
from penstock_views.output.derive import Output, lacking_of, records_of
from penstock_views.snapshot.held import is_seen
from penstock_views.snapshot.images import key_of, name_row, read_images
from penstock_views.snapshot.postgres import Postgres
from penstock_views.snapshot.ranges import Range
from penstock_views.snapshot.seen import Snapshot
from penstock_views.stream.checkpoint import by_topic
from penstock_views.stream.kafka import SINK, SOURCE
from penstock_views.types.live_columns import ColumnRow

_Offsets = Mapping[Place, int]

# Many records at once: a batch of a producer is worth waiting for.
_BULK = {"kafka.linger.ms": "20", "kafka.batch.size": "262144"}


@dataclass(frozen=True)
class Filling:
    """What a fill reads, and as what it is written.

    :param columns: the table's.
    :param postgres: with the snapshot that is read.
    :param at: the partition of the CDC topic, and L; -1 where the topic is empty.
    :param read_ms: when the snapshot was taken, in milliseconds after 1970.
    """

    table: str
    columns: Sequence[ColumnRow]
    postgres: Postgres
    outputs: Sequence[Output]
    dead_letters: str
    epoch: int
    at: tuple[Place, int]
    lsn: int
    read_ms: int

    def records(self, images: DataFrame) -> DataFrame:
        """Make the view records and the dead letters of rows.

        :param images: of the table.
        """
        (topic, partition), offset = self.at
        none = F.lit(None)
        known = {
            "topic": F.lit(topic),
            "partition": F.lit(partition),
            "offset": F.lit(offset).cast("bigint"),
            "key": none.cast("binary"),
            "value": none.cast("binary"),
            "headers": none.cast(HEADERS_TYPE),
            "epoch": F.lit(self.epoch).cast("bigint"),
            "op": F.lit("r"),
            "lsn": F.lit(self.lsn).cast("bigint"),
            "tx_id": none.cast("bigint"),
            "committed_ms": F.lit(self.read_ms).cast("bigint"),
        }
        before, after = none.cast(images.schema), F.struct(*map(in_spark, images.columns))
        lacking = [lacking_of(output, None) for output in self.outputs]
        sides = [side.alias(name) for name, side in zip(IMAGES, (before, after), strict=True)]
        changes = images.select(*[value.alias(name) for name, value in known.items()], *sides, *lacking)
        named = name_row(IMAGES[1], key_of(self.columns))
        return records_of(changes, self.outputs, self.dead_letters, named=named)

    def write(
        self, spark: SparkSession, bootstrap: str, ranges: Sequence[Range], without: DataFrame | None = None
    ) -> None:
        """Write the rows of these ranges to the views' topics.

        :param without: the keys of rows that are left out.
        """
        images = read_images(spark, self.table, self.postgres, self.columns, ranges)
        if without is not None:
            images = images.join(F.broadcast(without), without.columns, "left_anti")
        writer = self.records(images).write.format("kafka").options(**SINK | _BULK)
        writer = writer.options(**java_settings(bootstrap, "kafka."))
        writer.option("kafka.bootstrap.servers", bootstrap).save()


@dataclass(frozen=True)
class Changes:
    """Changes of a table in Kafka, to be held against a snapshot of it.

    :param registry_url: where the schemas of the records are.
    :param writers: those of the topic.
    """

    table: str
    topic: str
    bootstrap: str
    registry_url: str
    writers: Sequence[Writer]

    def any_of(self, spark: SparkSession, tx_ids: Sequence[int], begins: _Offsets, ends: _Offsets) -> bool:
        """Return whether a change of one of these transactions is between the offsets.

        :param tx_ids: their low 32 bits.
        """
        found = self._between(spark, (), begins, ends)
        return not found.where(F.col("tx_id").isin(list(tx_ids))).isEmpty()

    def keys_seen(
        self, spark: SparkSession, seen: Snapshot, key: Sequence[str], begins: _Offsets, ends: _Offsets
    ) -> DataFrame:
        """Return the keys of the rows whose changes between the offsets a snapshot holds.

        :param key: the columns of the primary key.
        """
        found = self._between(spark, key, begins, ends).where(is_seen(seen, F.col("tx_id"), F.col("lsn")))
        keys = found.where("after is not null").select(*[F.col(f"after.{in_spark(name)}") for name in key])
        return keys.distinct().localCheckpoint()

    def _between(self, spark: SparkSession, columns: Sequence[str], begins: _Offsets, ends: _Offsets) -> DataFrame:
        source = Source.of(self.table, self.topic, self.writers).only(columns, watches=False)
        reader = spark.read.format("kafka").options(**SOURCE, **java_settings(self.bootstrap, "kafka."))
        reader = reader.option("kafka.bootstrap.servers", self.bootstrap)
        reader = reader.option("startingOffsets", json.dumps(by_topic(begins)))
        reader = reader.option("endingOffsets", json.dumps(by_topic(ends))).option("subscribe", self.topic)
        schemas = WriterSchemas(self.registry_url, max(writer.schema_id for writer in self.writers))
        opened = open_records(reader.load(), source, schemas)
        after = read_image(source, F.col(written("after")), F.col(left_out("after"))).alias("after")
        # A read of the table by the source is no change.
        return opened.select("op", "tx_id", "lsn", after).where("op <> 'r'")
