"""Decodes CDC records, once for all views: Kafka bytes to canonical row images, or the reason why not."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from penstock_views import wire
from penstock_views.carriers import GONE
from penstock_views.envelope import Writer, image_type
from penstock_views.names import column_name
from penstock_views.try_eval import try_eval

RECORD = ("topic", "partition", "offset", "key", "value", "headers")
"""The columns of Kafka's source that the engine reads."""

CHANGE = ("epoch", "op", "lsn", "tx_id", "committed_ms")
"""The columns of a decoded frame that tell about the change itself; the last one is in milliseconds after 1970."""

IMAGES = ("before", "after")
"""The images of a row in an envelope."""

_TOLD = (*CHANGE[1:], "has_before", "has_after")
# A header for each image of which the source has left something out (connect/postgres-source, LargeImages).
_LEFT_OUT = "penstock.left.out."
_UNKNOWN = "PENSTOCK-UNKNOWN-SCHEMA"


@dataclass(frozen=True)
class Source:
    """One table's CDC topic and the writer schemas known for it, oldest first."""

    table: str
    topic: str
    writers: tuple[Writer, ...]

    @property
    def gone(self) -> tuple[int, ...]:
        """The ids of the writer schemas that lack a column which an earlier one had."""
        fields = image_type(self.writers).fields
        return tuple(sorted({schema_id for field in fields for schema_id in field.metadata.get(GONE, ())}))

    def only(self, columns: Collection[str]) -> Source:
        """Make the source that knows no other columns of its table."""
        return replace(self, writers=tuple(writer.only(columns) for writer in self.writers))

    def column(self, part: str) -> str:
        """Name the frame's column that holds one of the two images of this table."""
        return f"{column_name(self.table)}__{part}"

    def envelope(self, writer: Writer) -> str:
        """Name the frame's column that holds the opened envelope of a writer schema."""
        return self.column(f"opened_{writer.schema_id}")


@dataclass(frozen=True)
class Refusal:
    """A schema id that the registry did not know, for the records that were there before it was asked.

    Converters register a schema before they write its first record, so such a record can never be read. A later record
    may carry the same id rightly: it makes the query ask again.

    :param ends: None of a schema that the registry knows and nobody can read: it never changes.
    """

    schema_id: int
    ends: Mapping[tuple[str, int], int] | None


def decode(raw: DataFrame, sources: Sequence[Source], refusals: Sequence[Refusal], max_epoch: int) -> DataFrame:
    """Decode the records of all sources.

    :param raw: Kafka's source columns, headers included.
    :returns: RECORD, CHANGE, `unreadable` (the reason, or NULL) and each source's before and after images. A record
        whose schema id is unknown and not refused makes the query fail; `unknown_schema` reads its message. Where only
        one of two images can be read, it is there, so that what was derived from it can be taken back.
    """
    opened = open_records(raw, sources, refusals)
    judged = opened.select("*", why_refused(sources, max_epoch).alias("refused"))
    images = {source.column(image): _read_unless_refused(source, image) for source in sources for image in IMAGES}
    read = judged.select("*", *[column.alias(name) for name, column in images.items()])
    unreadable = F.coalesce("refused", *map(_lost_image, sources)).alias("unreadable")
    return read.select(*RECORD, *CHANGE, unreadable, *images)


def open_records(raw: DataFrame, sources: Sequence[Source], refusals: Sequence[Refusal]) -> DataFrame:
    """Open the envelopes of all records; their images are as the writers wrote them.

    :returns: RECORD, `schema_id`, CHANGE, `has_before`, `has_after`, `unknown` (why the schema id is refused, or NULL),
        what is left out of each image (`left_out`), and for each writer schema its envelope (`Source.envelope`), NULL
        in a record of another one. `op` is NULL where the body is not of its writer schema. A record whose schema id is
        unknown and not refused makes the query fail.
    """
    # Both are used more than once below: in a step of their own they are computed, and planned, once.
    framed = raw.select(
        *RECORD,
        wire.schema_id(F.col("value")).alias("schema_id"),
        wire.header_text("epoch").alias("epoch_text"),
        *[wire.header_text(f"{_LEFT_OUT}{image}").alias(left_out(image)) for image in IMAGES],
    )
    envelopes = {source.envelope(writer): _open(source, writer) for source in sources for writer in source.writers}
    opened = framed.select("*", _epoch().alias("epoch"), *[each.alias(name) for name, each in envelopes.items()])
    told = opened.select("*", F.coalesce(*map(_tell, envelopes)).alias("told"))
    said = [F.col("told")[name].alias(name) for name in _TOLD]
    unknown = _unknown(refusals).alias("unknown")
    return told.select(*RECORD, "schema_id", "epoch", *said, unknown, *map(left_out, IMAGES), *envelopes)


def why_refused(sources: Sequence[Source], max_epoch: int) -> Column:
    """Say why an opened record is no change that can be read; NULL when it is one."""
    return F.coalesce(*[F.when(is_broken, reason) for is_broken, reason in _rules(sources, max_epoch)])


def is_refused(sources: Sequence[Source], max_epoch: int) -> Column:
    """Say the same without the reason: true or false."""
    broken = [is_broken for is_broken, _ in _rules(sources, max_epoch)]
    return F.coalesce(reduce(or_, broken), F.lit(False))


def left_out(image: str) -> str:
    """Name the column of an opened record that tells what is left out of an image, as the header does."""
    return f"left_out_of_{image}"


def read_image(source: Source, written: Callable[[Writer], Column], left_out: Column) -> Column:
    """Read one image of a record into the canonical columns of its table; NULL when it is not there or cannot be read.

    :param written: finds the image as a writer wrote it; NULL if that was another.
    :param left_out: what the source has left out of the image, as the header tells it.
    """
    target = image_type(source.writers)
    # Names of Avro have neither of the two signs.
    refused = F.str_to_map(left_out, F.lit(";"), F.lit("="))
    return F.coalesce(*[try_eval(writer.canonical(written(writer), target, refused)) for writer in source.writers])


def unknown_schema(message: str) -> tuple[str, int] | None:
    """Find in a query's failure the topic and schema id that it met and did not know.

    Text is all that an executor's failure brings to the driver; the marker is our own.
    """
    found = re.search(rf"{_UNKNOWN} topic=(\S+) id=(\d+)", message)
    return (found[1], int(found[2])) if found else None


def _epoch() -> Column:
    """Read the epoch; NULL when it is missing or no number."""
    text = F.col("epoch_text")
    return F.when(text.rlike("^[0-9]{1,9}$"), text.cast("bigint"))


def _open(source: Source, writer: Writer) -> Column:
    is_of = (F.col("topic") == source.topic) & (F.col("schema_id") == writer.schema_id)
    return F.when(is_of, writer.decode(wire.body(F.col("value"))))


def _tell(envelope: str) -> Column:
    """Collect what an envelope says of the change."""
    opened = F.col(envelope)
    parts = {
        "op": opened["op"],
        "lsn": opened["source"]["lsn"],
        "tx_id": opened["source"]["txId"],
        "committed_ms": opened["source"]["ts_ms"],
        "has_before": opened["before"].isNotNull(),
        "has_after": opened["after"].isNotNull(),
    }
    return F.when(opened.isNotNull(), F.struct(*[part.alias(name) for name, part in parts.items()]))


def _read_unless_refused(source: Source, image: str) -> Column:
    read = read_image(source, lambda writer: F.col(source.envelope(writer))[image], F.col(left_out(image)))
    return F.when(F.col("refused").isNull(), read)


def _lost_image(source: Source) -> Column:
    """Say that the new row cannot be read; an old row that cannot was told when it was new."""
    is_lost = (F.col("topic") == source.topic) & F.col("has_after") & F.col(source.column("after")).isNull()
    return F.when(is_lost, F.concat(F.lit("a value of the row does not fit writer schema id "), "schema_id"))


def _rules(sources: Sequence[Source], max_epoch: int) -> list[tuple[Column, Column]]:
    """List what is wrong with an opened record, in the order in which it is asked: a condition, and the reason."""
    epoch, op, has_before, has_after = (F.col(name) for name in ("epoch", "op", "has_before", "has_after"))
    no_value = "no value: a tombstone; the source connector must say tombstones.on.delete=false"
    no_format = "not in Confluent's wire format (byte 0, 4-byte schema id, Avro)"
    no_epoch = f"the header `epoch` is missing or not a number from 1 to {max_epoch}"
    no_fit = F.concat(F.lit("the Avro body does not fit writer schema id "), "schema_id")
    return [
        (F.col("value").isNull(), F.lit(no_value)),
        (wire.is_foreign(F.col("schema_id")), F.lit(no_format)),
        (F.col("unknown").isNotNull(), F.col("unknown")),
        (epoch.isNull() | (epoch < 1) | (epoch > max_epoch), F.lit(no_epoch)),
        (op.isNull(), no_fit),
        (~op.isin("c", "r", "u", "d"), F.concat(F.lit("operation is no row change: "), op)),
        # Without `before` a view could keep a row that must go.
        (op.isin("u", "d") & ~has_before, _needs_before(sources)),
        (op.isin("c", "r", "u") & ~has_after, F.lit("no `after` image")),
    ]


def _needs_before(sources: Sequence[Source]) -> Column:
    tables = [F.when(F.col("topic") == source.topic, F.lit(source.table)) for source in sources]
    return F.concat(F.lit("no `before` image: "), F.coalesce(*tables), F.lit(" needs REPLICA IDENTITY FULL"))


def _unknown(refusals: Sequence[Refusal]) -> Column:
    """Say why a schema id that no writer has is refused; one that is not refused makes the query fail."""
    at = F.concat_ws(":", "topic", "partition")
    topic_and_id = [F.lit(f"{_UNKNOWN} topic="), F.col("topic"), F.lit(" id="), F.col("schema_id").cast("string")]
    chain = F.when(F.col("told").isNotNull() | wire.is_foreign(F.col("schema_id")), F.lit(None).cast("string"))
    for refusal in refusals:
        is_refused = F.col("schema_id") == refusal.schema_id
        if refusal.ends is not None:
            ends = [F.when(at == f"{topic}:{part}", F.lit(end)) for (topic, part), end in refusal.ends.items()]
            is_refused &= F.col("offset") < F.coalesce(*ends, F.lit(0))
        chain = chain.when(is_refused, f"schema id {refusal.schema_id}: no envelope of this topic in the registry")
    return chain.otherwise(F.raise_error(F.concat(*topic_and_id)).cast("string"))
