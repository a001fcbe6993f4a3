"""Decodes a table's CDC records, once for all its views: Kafka bytes to canonical images, or the reason why not."""

from __future__ import annotations

import re
from functools import reduce
from operator import or_
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.classic.column import Column as ClassicColumn

from penstock.contract import EPOCH
from penstock_views.change import wire
from penstock_views.change.source import FACTS, IMAGES, Source, WriterSchemas
from penstock_views.types.encodings import avro_decoding, decode_all
from penstock_views.types.try_eval import try_eval

RECORD = ("topic", "partition", "offset", "key", "value", "headers")
"""The columns of Kafka's source that the engine reads."""

CHANGE = ("epoch", "op", "lsn", "tx_id", "committed_ms")
"""The columns of a decoded frame about the change itself; the last one is in milliseconds after 1970."""

# A header for each image of which the source has left something out (connect/postgres-source, LargeImages).
_LEFT_OUT = "penstock.left.out."
_NEW_PLAN = "PENSTOCK-NEW-PLAN"


def decode(raw: DataFrame, source: Source, schemas: WriterSchemas, max_epoch: int) -> DataFrame:
    """Decode the records of a table.

    :param raw: Kafka's source columns, headers included.
    :returns: RECORD, CHANGE, `unreadable` (the reason, or NULL), `gone` (as FACTS has it) and both IMAGES. A record of
        which the source knows too little makes the query fail; `needs_plan` reads its message. Where only one of two
        images can be read, it is there, so that what was derived from it can be taken back.
    """
    opened = open_records(raw, source, schemas)
    judged = opened.select("*", why_refused(source, max_epoch).alias("refused"))
    read = judged.select("*", *[_read_unless_refused(source, image).alias(image) for image in IMAGES])
    unreadable = F.coalesce("refused", _lost_image()).alias("unreadable")
    return read.select(*RECORD, *CHANGE, unreadable, "gone", *IMAGES)


def open_records(raw: DataFrame, source: Source, schemas: WriterSchemas) -> DataFrame:
    """Open the envelopes of all records; the images are as the writers wrote them.

    :returns: RECORD, `epoch`, FACTS, what is left out of each image (`left_out`), and the images in the columns of
        `written`.
    """
    # What is used more than once below has a step of its own: there it is computed, and planned, once.
    framed = raw.select(
        *RECORD,
        wire.header_text(EPOCH).alias("epoch_text"),
        *[wire.header_text(f"{_LEFT_OUT}{image}").alias(left_out(image)) for image in IMAGES],
        _open(source, schemas).alias("opened"),
    )
    parts = [F.col("opened")["facts"][name].alias(name) for name in FACTS.names]
    images = [F.col("opened")[image].alias(written(image)) for image in IMAGES]
    return framed.select(*RECORD, _epoch().alias("epoch"), *parts, *map(left_out, IMAGES), *images)


def why_refused(source: Source, max_epoch: int) -> Column:
    """Say why an opened record is no change that can be read; NULL when it is one."""
    return F.coalesce(*[F.when(is_broken, reason) for is_broken, reason in _rules(source, max_epoch)])


def is_refused(source: Source, max_epoch: int) -> Column:
    """Say the same without the reason: true or false."""
    broken = [is_broken for is_broken, _ in _rules(source, max_epoch)]
    return F.coalesce(reduce(or_, broken), F.lit(False))


def left_out(image: str) -> str:
    """Name the column of an opened record that says what is left out of an image, as the header does."""
    return f"left_out_of_{image}"


def written(image: str) -> str:
    """Name the column of an opened record that holds an image as it was written."""
    return f"{image}_written"


def read_image(source: Source, written: Column, left_out: Column) -> Column:
    """Read one image of a record into the canonical columns of its table; NULL when it is not there or cannot be read.

    :param written: the image as it was written.
    :param left_out: what the source has left out of the image, as the header says it.
    """
    # Names of Avro have neither of the two signs.
    refused = F.str_to_map(left_out, F.lit(";"), F.lit("="))
    reads = [
        (column.field, [(avro_decoding(avro, column.field), written[slot]) for slot, avro in column.slots.items()])
        for column in source.read_columns
    ]
    return try_eval(F.when(written.isNotNull(), F.struct(*decode_all(reads, refused))))


def needs_plan(message: str) -> tuple[str, int] | None:
    """Find in a query's failure the topic and schema id of a record of which its plan knew too little.

    Text is all that an executor's failure brings to the driver; the marker is our own (NewPlanNeeded.java).
    """
    found = re.search(rf"{_NEW_PLAN} topic=(\S+) id=(\d+)", message)
    return (found[1], int(found[2])) if found else None


def is_cured_by_new_plan(failure: str, met: set[tuple[str, int]]) -> bool:
    """Say whether a query failed as its plan knew too little, and note of what; not when that was noted before."""
    found = needs_plan(failure)
    if found is None or found in met:
        return False
    met.add(found)
    return True


def _open(source: Source, schemas: WriterSchemas) -> Column:
    """Decode the value of a record with spark/decoder."""
    jvm: Any = SparkSession.active()._jvm
    value: Any = F.col("value")
    wanted = source.wanted(schemas.known_id), source.opened_type.json()
    return ClassicColumn(jvm.dev.penstock.decoder.Decoder.decode(value._jc, *wanted, schemas.url))


def _epoch() -> Column:
    """Read the epoch; NULL when it is missing or no number."""
    text = F.col("epoch_text")
    return F.when(text.rlike("^[0-9]{1,9}$"), text.cast("bigint"))


def _read_unless_refused(source: Source, image: str) -> Column:
    read = read_image(source, F.col(written(image)), F.col(left_out(image)))
    return F.when(F.col("refused").isNull(), read)


def _lost_image() -> Column:
    """Say that the new row cannot be read; an old row that cannot was reported when it was new."""
    is_lost = F.col("has_after") & F.col("after").isNull()
    return F.when(is_lost, F.concat(F.lit("a value of the row does not fit writer schema id "), "schema_id"))


def _rules(source: Source, max_epoch: int) -> list[tuple[Column, Column]]:
    """List what is wrong with an opened record, in the order in which it is asked: a condition, and the reason."""
    epoch, op, has_before, has_after = (F.col(name) for name in ("epoch", "op", "has_before", "has_after"))
    no_value = "no value: a tombstone; the source connector must say tombstones.on.delete=false"
    no_epoch = f"the header `epoch` is missing or not a number from 1 to {max_epoch}"
    return [
        (F.col("value").isNull(), F.lit(no_value)),
        (F.col("problem").isNotNull(), F.col("problem")),
        (epoch.isNull() | (epoch < 1) | (epoch > max_epoch), F.lit(no_epoch)),
        (~op.isin("c", "r", "u", "d"), F.concat(F.lit("operation is no row change: "), op)),
        # Without `before` a view could keep a row that must go.
        (op.isin("u", "d") & ~has_before, F.lit(f"no `before` image: {source.table} needs REPLICA IDENTITY FULL")),
        (op.isin("c", "r", "u") & ~has_after, F.lit("no `after` image")),
    ]
