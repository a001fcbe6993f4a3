"""The canonical row type: one Spark type for each Postgres type, wherever a row comes from.

docs/contracts.md, "Types", is the table; this module is its only reading in code. A column is named here from a
Postgres type (DDL, catalogue) or from a Debezium writer schema, with the same result.
"""

from __future__ import annotations

import re
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T

LOGICAL = "penstock.logical"
"""Metadata key of a Spark field whose Avro and CQL type Spark's own type does not tell (`uuid` is a string)."""

_POSTGRES: dict[str, tuple[T.DataType, str | None]] = {
    "uuid": (T.StringType(), "uuid"),
    "text": (T.StringType(), None),
    "character varying": (T.StringType(), None),
    "smallint": (T.IntegerType(), None),
    "integer": (T.IntegerType(), None),
    "bigint": (T.LongType(), None),
    "boolean": (T.BooleanType(), None),
    "double precision": (T.DoubleType(), None),
    "date": (T.DateType(), None),
    "timestamp with time zone": (T.TimestampType(), None),
    "jsonb": (T.StringType(), None),
    "json": (T.StringType(), None),
}
_SHORT = {
    "varchar": "character varying",
    "int2": "smallint",
    "int": "integer",
    "int4": "integer",
    "int8": "bigint",
    "bool": "boolean",
    "float8": "double precision",
    "timestamptz": "timestamp with time zone",
    "decimal": "numeric",
}
_DEBEZIUM: dict[tuple[str, str | None], tuple[T.DataType, str | None]] = {
    ("string", "io.debezium.data.Uuid"): (T.StringType(), "uuid"),
    ("string", "io.debezium.data.Json"): (T.StringType(), None),
    ("string", "io.debezium.time.ZonedTimestamp"): (T.TimestampType(), None),
    ("string", None): (T.StringType(), None),
    ("int", None): (T.IntegerType(), None),
    ("int", "io.debezium.time.Date"): (T.DateType(), None),
    ("long", None): (T.LongType(), None),
    ("boolean", None): (T.BooleanType(), None),
    ("double", None): (T.DoubleType(), None),
}
_DECIMAL = ("bytes", "org.apache.kafka.connect.data.Decimal")


def field_from_postgres(name: str, sql_type: str) -> T.StructField | None:
    """Name the canonical field of a column by its Postgres type, as DDL or `format_type()` write it.

    :returns: None for a type outside the contract; no view can use such a column.
    """
    words = re.sub(r"\s+", " ", sql_type.strip().lower())
    base = re.sub(r"\s*\([^)]*\)", "", words)
    base = _SHORT.get(base, base)
    numbers = [int(number) for number in re.findall(r"\d+", words)]
    if base == "numeric" and numbers and len(numbers) <= 2:
        return _field(name, T.DecimalType(*numbers), None)
    return _field(name, *_POSTGRES[base]) if base in _POSTGRES else None


def field_from_writer(field: dict[str, Any]) -> T.StructField | None:
    """Name the canonical field of a column by its Debezium writer schema (one field of the row's Avro record).

    :returns: None for a type outside the contract; no view can use such a column.
    """
    avro = not_null(field["type"])
    described = avro if isinstance(avro, dict) else {"type": avro}
    kind = (described.get("type"), described.get("connect.name"))
    if kind == _DECIMAL and "precision" in described:
        return _field(field["name"], T.DecimalType(described["precision"], described.get("scale", 0)), None)
    return _field(field["name"], *_DEBEZIUM[kind]) if kind in _DEBEZIUM else None


def not_null(avro_type: Any) -> Any:
    """Strip `null` from an Avro union of null and one type."""
    if not isinstance(avro_type, list):
        return avro_type
    rest = [branch for branch in avro_type if branch != "null"]
    return rest[0] if len(rest) == 1 else rest


def from_writer(column: Column, field: dict[str, Any], target: T.DataType) -> Column:
    """Turn a decoded column of one writer schema into its canonical type; a value that does not fit it fails."""
    named = field_from_writer(field)
    if isinstance(named and named.dataType, T.DateType):
        column = F.date_from_unix_date(column)
    return column.cast(target)


def _field(name: str, spark: T.DataType, logical: str | None) -> T.StructField:
    return T.StructField(name, spark, True, {LOGICAL: logical} if logical else {})
