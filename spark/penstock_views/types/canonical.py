"""The canonical row type: one Spark type for each Postgres type, wherever a row comes from.

docs/types.md is the table; this module is its only reading in code. A column is named here from a Postgres type (DDL,
catalogue) or from a Debezium writer schema, with the same result. encodings.py decodes its values into that type.
"""

from __future__ import annotations

import re
from typing import Any

from pyspark.sql import types as T

from penstock.names import postgres_name

LOGICAL = "penstock.logical"
"""Metadata key of a Spark field whose Avro and CQL type Spark's own type does not show (`uuid` is a string).

For an array it speaks of the elements."""

UNUSABLE = "penstock.unusable"
"""Metadata key of a column that no view can use: the reason, and what to do instead. Its values are all NULL."""

POSTGRES: dict[str, tuple[T.DataType, str | None]] = {
    "smallint": (T.IntegerType(), None),
    "integer": (T.IntegerType(), None),
    "bigint": (T.LongType(), None),
    "real": (T.FloatType(), None),
    "double precision": (T.DoubleType(), None),
    "text": (T.StringType(), None),
    "character varying": (T.StringType(), None),
    "character": (T.StringType(), None),
    "boolean": (T.BooleanType(), None),
    "uuid": (T.StringType(), "uuid"),
    "date": (T.DateType(), None),
    "time without time zone": (T.LongType(), "time"),
    "timestamp without time zone": (T.TimestampType(), None),
    "timestamp with time zone": (T.TimestampType(), None),
    "interval": (T.StringType(), "interval"),
    "bytea": (T.BinaryType(), None),
    "json": (T.StringType(), None),
    "jsonb": (T.StringType(), None),
    "enum": (T.StringType(), None),
    "inet": (T.StringType(), "inet"),
    "cidr": (T.StringType(), None),
    "macaddr": (T.StringType(), None),
    "macaddr8": (T.StringType(), None),
}
"""Every usable type but `numeric`, by the name that `format_type()` gives it; `enum` stands for all enums."""

NUMERIC = "numeric"
MAX_PRECISION = 38
"""What a Spark decimal holds; a `numeric` beyond it, or without limits, is text of digits (logical `digits`)."""

NO_ARRAYS_OF = {
    "time without time zone": "Debezium cuts its elements to milliseconds; use text[]",
    "interval": "Debezium leaves it out; use text[]",
}
CURES = {
    "money": "its text depends on the server's lc_monetary; use numeric",
    "time with time zone": "Debezium moves it to UTC; use timestamp with time zone",
    "name": "Debezium reads it in snapshots only; use text",
}
"""Why and what instead, for types that Debezium writes but not as they are."""

_PLAIN = "keep its value in a column of a type of docs/types.md, for example text, and use that"
_SHORT = {
    "varchar": "character varying",
    "char": "character",
    "bpchar": "character",
    "int2": "smallint",
    "int": "integer",
    "int4": "integer",
    "int8": "bigint",
    "serial": "integer",
    "bigserial": "bigint",
    "smallserial": "smallint",
    "bool": "boolean",
    "float4": "real",
    "float": "double precision",
    "float8": "double precision",
    "time": "time without time zone",
    "timetz": "time with time zone",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "decimal": NUMERIC,
    "dec": NUMERIC,
}
DEBEZIUM: dict[tuple[str, str | None], str] = {
    ("string", None): "text",
    ("int", None): "integer",
    ("long", None): "bigint",
    ("float", None): "real",
    ("double", None): "double precision",
    ("boolean", None): "boolean",
    ("bytes", None): "bytea",
    ("string", "io.debezium.data.Uuid"): "uuid",
    ("string", "io.debezium.data.Json"): "jsonb",
    ("string", "io.debezium.data.Enum"): "enum",
    ("string", "io.debezium.time.Interval"): "interval",
    ("string", "io.debezium.time.ZonedTimestamp"): "timestamp with time zone",
    ("long", "io.debezium.time.MicroTimestamp"): "timestamp without time zone",
    ("long", "io.debezium.time.Timestamp"): "timestamp without time zone",
    ("long", "io.debezium.time.MicroTime"): "time without time zone",
    ("int", "io.debezium.time.Date"): "date",
    ("bytes", "org.apache.kafka.connect.data.Decimal"): NUMERIC,
}
"""What Debezium's writer schemas mean by themselves, where the name of the Postgres type does not say more."""

# Types whose Avro is plain text: distinguished from text by the name of the Postgres type, and lost behind a domain.
_AS_TEXT = {NUMERIC, "character varying", "character", "inet", "cidr", "macaddr", "macaddr8"}
_SOURCE = "__debezium.source.column."


def field_from_postgres(name: str, sql_type: str, *, domain: bool = False) -> T.StructField:
    """Name the canonical field of a column by its Postgres type, as DDL or `format_type()` write it.

    :param sql_type: of an enum `enum`, of a domain its base type.
    :param domain: whether the column's type is a domain, behind which Debezium does not distinguish types of text.
    :returns: one with UNUSABLE in its metadata for a type that no view can use.
    """
    words = re.sub(r"\s+", " ", sql_type.strip().lower()).removeprefix("pg_catalog.")
    element, is_array = re.subn(r"\s*(\[\d*\]\s*)+$", "", words)
    base = re.sub(r"\s*\([^)]*\)", "", element)
    # `interval day to second` and `interval(3)` hold what interval holds.
    base = "interval" if base.startswith("interval") else _SHORT.get(base, base)
    limits = re.search(r"\(([^)]*)\)", element)
    numbers = [int(number) for number in re.findall(r"-?\d+", limits[1])] if limits else []
    if domain and base in _AS_TEXT:
        base = "text"
    return _field(name, base, numbers, is_array=bool(is_array))


def field_from_writer(field: dict[str, Any]) -> T.StructField:
    """Name the canonical field of a column by its Debezium writer schema (one field of the row's Avro record).

    :returns: one with UNUSABLE in its metadata for a type that no view can use.
    """
    avro = described(field["type"])
    parameters = avro.get("connect.parameters", {})
    is_array = avro["type"] == "array"
    item = described(avro["items"]) if is_array else avro
    said, is_domain = _said(parameters, is_array=is_array)
    return _field(
        postgres_name(field["name"]),
        "text" if is_domain and said in _AS_TEXT else said or _meant(item),
        _numbers(item, parameters),
        is_array=is_array,
    )


def _said(parameters: dict[str, str], *, is_array: bool) -> tuple[str, bool]:
    """Read the name of a Postgres type, and whether a domain is above it; empty where only the Avro type tells.

    The source writes `base:schema.name` of a domain, and `enum:schema.name` of an enum (TypeNames.java).
    """
    name, is_made, _ = parameters.get(f"{_SOURCE}type", "").lower().partition(":")
    plain = name.removeprefix("_" if is_array else "")
    return '"char"' if plain == "char" else _SHORT.get(plain, plain), bool(is_made)


def _meant(item: dict[str, Any]) -> str:
    """Name what an Avro type means by itself."""
    return DEBEZIUM.get(kind_of(item), str(item["type"]))


def read_by(avro_type: Any) -> dict[str, Any]:
    """Say of an Avro type all that decides how its values are read; what is None here is not in the type."""
    avro = described(avro_type)
    decisive = {"type": avro["type"]} | {name: avro.get(name) for name in ("connect.name", "precision", "scale")}
    if avro["type"] == "array":
        decisive["items"] = read_by(avro["items"])
    parameters = avro.get("connect.parameters", {})
    said = parameters.get(f"{_SOURCE}type", "").lower().removeprefix("_")
    names = ("type", "length", "scale") if _SHORT.get(said, said) == NUMERIC else ("type",)
    return decisive | {"connect.parameters": {_SOURCE + name: parameters.get(_SOURCE + name) for name in names}}


def described(avro_type: Any) -> dict[str, Any]:
    """Write an Avro type as a dictionary, without the `null` of its union."""
    avro = not_null(avro_type)
    return avro if isinstance(avro, dict) else {"type": avro}


def kind_of(avro: dict[str, Any]) -> tuple[str, str | None]:
    """Name an Avro type by itself and the semantic name that Connect gives it."""
    return str(avro["type"]), avro.get("connect.name")


def not_null(avro_type: Any) -> Any:
    """Strip `null` from an Avro union of null and one type."""
    if not isinstance(avro_type, list):
        return avro_type
    rest = [branch for branch in avro_type if branch != "null"]
    return rest[0] if len(rest) == 1 else rest


def is_built_in(name: str) -> bool:
    """Say whether Postgres has a type of that name itself, which stands before those that users make."""
    return name in {*POSTGRES, *_SHORT, *CURES, NUMERIC}


def is_usable(field: T.StructField) -> bool:
    """Say whether a view can use the column."""
    return UNUSABLE not in (field.metadata or {})


def logical_of(field: T.StructField) -> str | None:
    """Say what Spark's own type does not say about the column."""
    found: str | None = (field.metadata or {}).get(LOGICAL)
    return found


def _field(name: str, base: str, numbers: list[int], *, is_array: bool) -> T.StructField:
    shown = f"{base}[]" if is_array else base
    reason = NO_ARRAYS_OF.get(base) if is_array else None
    if base == NUMERIC:
        spark, logical, reason = *_numeric(numbers), _refuse_numeric(numbers)
    elif base in POSTGRES:
        spark, logical = POSTGRES[base]
    else:
        spark, logical, reason = T.StringType(), None, CURES.get(base, _PLAIN)
    if reason:
        return T.StructField(name, T.StringType(), True, {UNUSABLE: f"has type {shown}: {reason}"})
    metadata = {LOGICAL: logical} if logical else {}
    return T.StructField(name, T.ArrayType(spark) if is_array else spark, True, metadata)


def _numeric(numbers: list[int]) -> tuple[T.DataType, str | None]:
    precision, scale = (*numbers, 0)[:2] if numbers else (0, 0)
    if 0 < precision <= MAX_PRECISION and 0 <= scale <= precision:
        return T.DecimalType(precision, scale), None
    return T.StringType(), "digits"


def _refuse_numeric(numbers: list[int]) -> str | None:
    # A negative scale is 11 bits of a type modifier that Debezium takes for a positive one: zeros without end.
    wrong = len(numbers) == 2 and not 0 <= numbers[1] <= 1000
    return "Debezium does not know negative scales; use numeric(p, 0)" if wrong else None


def _numbers(item: dict[str, Any], parameters: dict[str, str]) -> list[int]:
    """Read precision and scale of a numeric; none when it has no limits."""
    if "precision" in item:
        return [item["precision"], item.get("scale", 0)]
    limits = _limits(parameters)
    # Debezium's words for "no limits": length 0 without a scale, or the longest numeric there is, of an array.
    unlimited = "scale" not in limits or limits.get("length") in {0, 131089}
    return [] if unlimited else [limits["length"], limits["scale"]]


def _limits(parameters: dict[str, str]) -> dict[str, int]:
    names = ("length", "scale")
    return {name: int(parameters[_SOURCE + name]) for name in names if _SOURCE + name in parameters}
