"""Bytes on the wire: Confluent's format (byte 0, 4-byte big-endian schema id, Avro body) and text headers."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

HEADERS_TYPE = "array<struct<key: string, value: binary>>"
"""How Spark's Kafka source and sink hold a record's headers."""


def framed(schema_id: int, avro: Column) -> Column:
    """Put the header before an Avro body; NULL stays NULL."""
    return F.concat(F.unhex(F.lit(f"00{schema_id:08x}")), avro)


def header_text(name: str) -> Column:
    """Read a header of the frame's record as text; NULL when it is missing."""
    headers = F.col("headers")
    # No filter(): Spark generates no code for functions of functions, nor for what stands beside them.
    return F.get(headers["value"], F.array_position(headers["key"], name) - 1).cast("string")


def text_header(name: str, value: Column) -> Column:
    """Make one header of UTF-8 text; a number becomes its decimal digits."""
    return F.struct(F.lit(name).alias("key"), value.cast("string").cast("binary").alias("value"))
