"""Decodes CDC records, once for all views: Kafka bytes to canonical row images, or the reason why not."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from penstock_views import wire
from penstock_views.carriers import GONE
from penstock_views.envelope import Writer, image_type
from penstock_views.try_eval import try_eval

RECORD = ("topic", "partition", "offset", "key", "value", "headers")
"""The columns of Kafka's source that the engine reads."""

CHANGE = ("epoch", "op", "lsn", "tx_id", "committed_ms")
"""The columns of a decoded frame that tell about the change itself; the last one is in milliseconds after 1970."""

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
        """Name the frame's column that holds this table's `before`, `after` or an intermediate part."""
        return f"{self.table.replace('.', '__')}__{part}"


@dataclass(frozen=True)
class Refusal:
    """A schema id that the registry did not know, for the records that were there before it was asked.

    Converters register a schema before they write its first record, so such a record can never be read. A later record
    may carry the same id rightly: it makes the query ask again.
    """

    schema_id: int
    ends: Mapping[tuple[str, int], int]


def decode(raw: DataFrame, sources: Sequence[Source], refusals: Sequence[Refusal], max_epoch: int) -> DataFrame:
    """Decode the records of all sources.

    :param raw: Kafka's source columns, headers included.
    :returns: RECORD, CHANGE, `unreadable` (the reason, or NULL) and each source's before and after images. A record
        whose schema id is unknown and not refused makes the query fail; `unknown_schema` reads its message. Where only
        one of two images can be read, it is there, so that what was derived from it can be taken back.
    """
    framed = raw.select(*RECORD, wire.schema_id(F.col("value")).alias("schema_id"), _epoch().alias("epoch"))
    opened = framed.select("*", *[_open(source, writer) for source in sources for writer in source.writers])
    decoded = opened.select(*framed.columns, *[_to_images(source).alias(_decoded(source)) for source in sources])
    judged = decoded.select("*", _refused(sources, refusals, max_epoch).alias("refused"))
    images = [
        F.when(F.col("refused").isNull(), F.col(_decoded(source))[image]).alias(source.column(image))
        for source in sources
        for image in ("before", "after")
    ]
    origin = [F.coalesce(*[F.col(_decoded(source))[name] for source in sources]).alias(name) for name in CHANGE[1:]]
    unreadable = F.coalesce("refused", *map(_lost_image, sources)).alias("unreadable")
    return judged.select(*RECORD, "epoch", *origin, unreadable, *images)


def unknown_schema(message: str) -> tuple[str, int] | None:
    """Find in a query's failure the topic and schema id that it met and did not know.

    Text is all that an executor's failure brings to the driver; the marker is our own.
    """
    found = re.search(rf"{_UNKNOWN} topic=(\S+) id=(\d+)", message)
    return (found[1], int(found[2])) if found else None


def _epoch() -> Column:
    """Read the header `epoch`; NULL when missing or no number."""
    text = F.get(F.filter("headers", lambda header: header["key"] == "epoch"), F.lit(0))["value"].cast("string")
    return F.when(text.rlike("^[0-9]{1,9}$"), text.cast("bigint"))


def _opened(source: Source, writer: Writer) -> str:
    return source.column(f"opened_{writer.schema_id}")


def _decoded(source: Source) -> str:
    return source.column("decoded")


def _is_of(source: Source, writer: Writer) -> Column:
    written = wire.is_wire_format(F.col("value")) & (F.col("schema_id") == writer.schema_id)
    return (F.col("topic") == source.topic) & written


def _open(source: Source, writer: Writer) -> Column:
    decoded = writer.decode(wire.body(F.col("value")))
    return F.when(_is_of(source, writer), decoded).alias(_opened(source, writer))


def _to_images(source: Source) -> Column:
    """Compute the change's columns and both images, each NULL when it is not there (`has_…`) or cannot be read.

    `op` is NULL where the body is not of the writer schema.
    """
    target = image_type(source.writers)
    choices = []
    for writer in source.writers:
        opened = F.col(_opened(source, writer))
        before, after = (try_eval(writer.canonical(opened[name], target)) for name in ("before", "after"))
        parts = {
            "before": before,
            "has_before": opened["before"].isNotNull(),
            "after": after,
            "has_after": opened["after"].isNotNull(),
            "op": opened["op"],
            "lsn": opened["source"]["lsn"],
            "tx_id": opened["source"]["txId"],
            "committed_ms": opened["source"]["ts_ms"],
        }
        choices.append((_is_of(source, writer), F.struct(*[part.alias(name) for name, part in parts.items()])))
    first, rest = choices[0], choices[1:]
    return reduce(lambda chain, choice: chain.when(*choice), rest, F.when(*first))


def _lost_image(source: Source) -> Column:
    """Say that the new row cannot be read; an old row that cannot was told when it was new."""
    decoded = F.col(_decoded(source))
    is_lost = decoded["has_after"] & decoded["after"].isNull()
    return F.when(is_lost, F.concat(F.lit("a value of the row does not fit writer schema id "), "schema_id"))


def _refused(sources: Sequence[Source], refusals: Sequence[Refusal], max_epoch: int) -> Column:
    value, epoch = F.col("value"), F.col("epoch")
    known = reduce(Column.__or__, [_is_of(source, writer) for source in sources for writer in source.writers])
    bad_epoch = epoch.isNull() | (epoch < 1) | (epoch > max_epoch)
    return F.coalesce(
        F.when(value.isNull(), "no value: a tombstone; the source connector must say tombstones.on.delete=false"),
        F.when(~wire.is_wire_format(value), "not in Confluent's wire format (byte 0, 4-byte schema id, Avro)"),
        F.when(~known, _refuse_or_raise(refusals)),
        F.when(bad_epoch, f"the header `epoch` is missing or not a number from 1 to {max_epoch}"),
        *[F.when(F.col("topic") == source.topic, _refuse_images(source)) for source in sources],
    )


def _refuse_or_raise(refusals: Sequence[Refusal]) -> Column:
    at = F.concat_ws(":", "topic", "partition")
    topic_and_id = [F.lit(f"{_UNKNOWN} topic="), F.col("topic"), F.lit(" id="), F.col("schema_id").cast("string")]
    chain = F.when(F.lit(False), F.lit(""))
    for refusal in refusals:
        ends = [F.when(at == f"{topic}:{partition}", F.lit(end)) for (topic, partition), end in refusal.ends.items()]
        is_refused = (F.col("schema_id") == refusal.schema_id) & (F.col("offset") < F.coalesce(*ends, F.lit(0)))
        chain = chain.when(is_refused, f"schema id {refusal.schema_id}: no envelope of this topic in the registry")
    return chain.otherwise(F.raise_error(F.concat(*topic_and_id)).cast("string"))


def _refuse_images(source: Source) -> Column:
    """Say what an envelope lacks: without `before` a view could keep a row that must go."""
    decoded = F.col(_decoded(source))
    op, has_before, has_after = decoded["op"], decoded["has_before"], decoded["has_after"]
    return (
        F.when(op.isNull(), F.concat(F.lit("the Avro body does not fit writer schema id "), "schema_id"))
        .when(~op.isin("c", "r", "u", "d"), F.concat(F.lit("operation is no row change: "), op))
        .when(op.isin("u", "d") & ~has_before, f"no `before` image: {source.table} needs REPLICA IDENTITY FULL")
        .when(op.isin("c", "r", "u") & ~has_after, "no `after` image")
    )
