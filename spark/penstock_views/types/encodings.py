"""Decodes a column's values into the canonical type, or says that they do not fit.

The stream has Debezium's Avro encodings (docs/types.md). For `verify` a SELECT writes each value in one of those
encodings. So both sides refuse the same values, and only for the views that use the column.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from penstock.names import column_name
from penstock_views.types.canonical import described, is_usable, kind_of, logical_of

REFUSED = T.StructField(
    "penstock:refused (longer than the 63 bytes of a name in Postgres: no column has it)",
    T.MapType(T.StringType(), T.StringType()),
    True,
)
"""The last field of an image: column (by its name in Avro) and text of each value that the
canonical type cannot hold; mostly NULL."""

# 0001-01-01 and Postgres' last date. In a snapshot Debezium takes dates before Christ for dates after: refused.
_DAYS = (-719162, 2145042905)
# Postgres' first instant, and the end of the year 294246: Debezium lets later ones overflow; infinity lies beyond.
_MICROS = (-210866803200000000, 9223371244799999999)
# Debezium reads timestamps in arrays by the Julian calendar up to 1582.
_ARRAY_MICROS = (-12212553600000000, _MICROS[1])
_YEAR = (
    r"^([0-9]{4}|-[0-9]{4}|\+([01]?[0-9]{5}|2[0-8][0-9]{4}|29[0-3][0-9]{3}|294[01][0-9]{2}|2942[0-3][0-9]|29424[0-6]))-"
)
_ARRAY_YEAR = _YEAR.replace("[0-9]{4}|-[0-9]{4}", "158[3-9]|159[0-9]|1[6-9][0-9]{2}|[2-9][0-9]{3}")
# Above 2^31 - 1 hours Debezium cannot read an interval, and the source leaves it out.
_MOST_HOURS = 2**31 - 1
_NUMBER = r"^-?[0-9]+(\.[0-9]+)?$"
# What Debezium makes of an array inside an array of texts.
_JAVA_ARRAY = r"^\[L[A-Za-z.]+;@[0-9a-f]+$"
_SHOWN = 100


@dataclass(frozen=True)
class Decoded:
    """A column in its canonical type, NULL where the value does not fit; `fits` is None when every value does."""

    value: Column
    fits: Column | None = None


Decoding = Callable[[Column], Decoded]


def may_refuse(field: T.StructField) -> bool:
    """Say whether there are rows whose value of the column the image cannot hold, by its type."""
    refusing = (T.DecimalType, T.DateType, T.TimestampType, T.ArrayType)
    return isinstance(field.dataType, refusing) or logical_of(field) in ("digits", "interval")


def may_be_large(field: T.StructField) -> bool:
    """Say whether a column has values for which a row can be too large: the source leaves them out (sizes.py)."""
    is_text = isinstance(field.dataType, T.StringType) and logical_of(field) in (None, "digits")
    return isinstance(field.dataType, T.ArrayType | T.BinaryType) or is_text


def may_be_hashed(field: T.StructField) -> bool:
    """Say whether the source hashes values of a column; of another type it leaves them out."""
    return isinstance(field.dataType, T.StringType) and logical_of(field) is None


def avro_decoding(avro_type: Any, target: T.StructField) -> Decoding:
    """Find how to read values of one type of a Debezium writer schema.

    :param target: the canonical field, of the newest writer schema, whose type may differ from this one's.
    """
    avro, element = described(avro_type), _element(target)
    is_array = avro["type"] == "array"
    written = described(avro["items"]) if is_array else avro
    is_other = is_array != isinstance(target.dataType, T.ArrayType)
    if is_other or not _is_castable(_READ_AS.get(kind_of(written)[1], raw_type(written)), element.dataType):
        # A table that was made again under its name can have any other type there.
        return lambda _column: Decoded(F.lit(None).cast(target.dataType), F.lit(False))
    scalar = _scalar(kind_of(written), element, in_array=is_array)
    return _array(scalar) if is_array else scalar


def _is_castable(source: T.DataType, target: T.DataType) -> bool:
    """Ask Spark, whose plan fails otherwise."""
    if source == target:
        return True
    jvm: Any = SparkSession.active()._jvm
    of_java = jvm.org.apache.spark.sql.types.DataType.fromJson
    can_cast = jvm.org.apache.spark.sql.catalyst.expressions.Cast.canAnsiCast
    return bool(can_cast(of_java(source.json()), of_java(target.json())))


def raw_type(avro_type: Any) -> T.DataType:
    """Say as what the decoder (spark/decoder) gives the values of an Avro type."""
    avro = described(avro_type)
    if avro["type"] == "array":
        return T.ArrayType(raw_type(avro["items"]))
    if avro.get("logicalType") == "decimal":
        return T.DecimalType(avro["precision"], avro.get("scale", 0))
    return _RAW_TYPES[avro["type"]]


def encoding_of(avro_type: Any) -> str:
    """Name the encoding of an Avro type: of one are those whose values are decoded alike."""
    avro = described(avro_type)
    _, meaning = kind_of(described(avro["items"]) if avro["type"] == "array" else avro)
    return f"{raw_type(avro).simpleString()} {meaning or ''}".rstrip()


def sql_decoding(target: T.StructField) -> tuple[str, Decoding]:
    """Find how to read a column by SQL: a format of an expression over `{0}`, and the decoding of what it gives."""
    if not isinstance(target.dataType, T.ArrayType):
        form, kind = _sql(target)
        return form, _scalar(kind, target)
    element = _element(target)
    form, kind = _sql(element)
    text = f"CASE WHEN e IS NOT NULL THEN format('%s', {form.format('e')}) END"
    elements = f"ARRAY(SELECT {text} FROM unnest({{0}}) WITH ORDINALITY AS u (e, n) ORDER BY n)"  # noqa: S608 - our own
    # An inner array is refused as NULL is.
    whole = f"CASE WHEN array_ndims({{0}}) > 1 THEN ARRAY[NULL]::text[] WHEN {{0}} IS NOT NULL THEN {elements} END"
    inner = _scalar(kind, element, in_array=True)
    return whole, _array(lambda column: inner(_from_text(column, kind)))


def decode_all(
    sources: Sequence[tuple[T.StructField, Sequence[tuple[Decoding, Column]]]], left_out: Column
) -> list[Column]:
    """Bring all columns of an image into their canonical types.

    :param sources: each target with the decodings of its raw columns, of which one at most has a value. A column that
        no view can use has none.
    :param left_out: what the source has left out of the row, as REFUSED says it; NULL where that is nothing.
    :returns: the fields of the image in the same order, and REFUSED.
    """
    fields, entries = [], []
    for target, raws in sources:
        values = []
        for decoding, raw in raws if is_usable(target) else ():
            decoded = decoding(raw)
            values.append(decoded.value)
            if decoded.fits is not None:
                shown = F.substring(raw.cast(T.StringType()), 1, _SHOWN)
                entries.append((raw.isNotNull() & ~decoded.fits, F.create_map(F.lit(column_name(target.name)), shown)))
        value = F.coalesce(*values) if values else F.lit(None).cast(target.dataType)
        fields.append(value.alias(target.name, metadata=target.metadata))
    return [*fields, _refused(entries, left_out).alias(REFUSED.name)]


def _refused(entries: Sequence[tuple[Column, Column]], left_out: Column) -> Column:
    if not entries:
        return left_out.cast(REFUSED.dataType)
    none = F.create_map().cast(REFUSED.dataType)
    # No filter() of an array: Spark generates no code for functions of functions, nor for what stands beside them.
    misfits = [F.when(misfit, entry).otherwise(none) for misfit, entry in entries]
    found = F.map_concat(F.coalesce(left_out, none), *misfits)
    return F.when(reduce(Column.__or__, [misfit for misfit, _ in entries], left_out.isNotNull()), found)


def _element(target: T.StructField) -> T.StructField:
    """Say of what canonical type an array's elements are."""
    element = target.dataType.elementType if isinstance(target.dataType, T.ArrayType) else target.dataType
    return T.StructField(target.name, element, True, target.metadata)


def _scalar(kind: tuple[str, str | None], target: T.StructField, *, in_array: bool = False) -> Decoding:
    def decode(column: Column) -> Decoded:
        read = _read(kind, target, column, in_array=in_array)
        value = read.value.cast(target.dataType)
        return Decoded(value if read.fits is None else F.when(read.fits, value), read.fits)

    return decode


def _read(kind: tuple[str, str | None], target: T.StructField, column: Column, *, in_array: bool) -> Decoded:
    """Read one encoding, not yet cast to the canonical type."""
    least, most = _ARRAY_MICROS if in_array else _MICROS
    match kind[1]:
        case "io.debezium.time.Date":
            return Decoded(F.date_from_unix_date(column), column.between(*_DAYS))
        case "io.debezium.time.MicroTimestamp":
            return Decoded(F.timestamp_micros(column), column.between(least, most))
        case "io.debezium.time.Timestamp":
            return Decoded(F.timestamp_millis(column), column.between(least // 1000, most // 1000))
        case "io.debezium.time.Interval":
            hours = F.regexp_extract(column, r"T-?([0-9]+)H", 1).try_cast(T.LongType())
            return Decoded(column, F.coalesce(hours <= _MOST_HOURS, F.lit(True)))
        case "io.debezium.time.ZonedTimestamp":
            return Decoded(column, column.rlike(_ARRAY_YEAR if in_array else _YEAR))
    is_text = kind[0] == "string" and isinstance(target.dataType, T.DecimalType)
    if is_text or logical_of(target) == "digits":
        return Decoded(column, column.cast(T.StringType()).rlike(_NUMBER))
    return Decoded(column)


def _array(inner: Decoding) -> Decoding:
    def decode(column: Column) -> Decoded:
        fits = ~F.exists(column, lambda element: _misfit(element, inner))
        return Decoded(F.when(fits, F.transform(column, lambda element: inner(element).value)), fits)

    return decode


def _misfit(element: Column, inner: Decoding) -> Column:
    decoded = inner(element)
    fits = F.lit(True) if decoded.fits is None else decoded.fits
    return element.isNull() | ~fits | element.cast(T.StringType()).rlike(_JAVA_ARRAY)


def _sql(target: T.StructField) -> tuple[str, tuple[str, str | None]]:
    """Write a value in SQL as one of Debezium's encodings; also says which."""
    match target.dataType.simpleString().split("(")[0], logical_of(target):
        case "date", _:
            # Infinity becomes a number that is out of range.
            days = "CASE WHEN isfinite({0}) THEN {0} - DATE '1970-01-01' WHEN {0} IS NOT NULL THEN 2147483647 END"
            return days, ("int", "io.debezium.time.Date")
        case "timestamp", _:
            micros = f"LEAST(extract(epoch FROM {{0}}) * 1000000, {2**63 - 1})::bigint"
            finite = f"CASE WHEN isfinite({{0}}) THEN {micros} WHEN {{0}} IS NOT NULL THEN {2**63 - 1} END"
            return finite, ("long", "io.debezium.time.MicroTimestamp")
        case "bigint", "time":
            return "(extract(epoch FROM {0}) * 1000000)::bigint", ("long", "io.debezium.time.MicroTime")
        case "string", "interval":
            parts = ", ".join(f"extract({part} FROM {{0}})" for part in ("year", "month", "day", "hour", "minute"))
            iso = f"format('P%sY%sM%sDT%sH%sM%sS', {parts}, trim_scale(extract(second FROM {{0}})))"
            finite = f"CASE WHEN isfinite({{0}}) THEN {iso} ELSE ({{0}})::text END"
            return finite, ("string", "io.debezium.time.Interval")
        case ("decimal", _) | (_, "digits"):
            return "({0})::text", ("string", None)
    return "{0}", (_AVRO_OF[target.dataType.simpleString()], None)


_RAW_TYPES: dict[str, T.DataType] = {
    "string": T.StringType(),
    "int": T.IntegerType(),
    "long": T.LongType(),
    "float": T.FloatType(),
    "double": T.DoubleType(),
    "boolean": T.BooleanType(),
    "bytes": T.BinaryType(),
}
_READ_AS: dict[str | None, T.DataType] = {
    "io.debezium.time.Date": T.DateType(),
    "io.debezium.time.MicroTimestamp": T.TimestampType(),
    "io.debezium.time.Timestamp": T.TimestampType(),
}
"""What `_read` makes of a value before it is cast; of all others, what the decoder gives."""
_AVRO_OF = {spark.simpleString(): avro for avro, spark in _RAW_TYPES.items()}


def _from_text(column: Column, kind: tuple[str, str | None]) -> Column:
    """Read an array's element that SQL wrote as text, into what the Avro type would hold."""
    if kind[0] == "string":
        return column
    return F.unhex(F.substring(column, 3, 2**31 - 1)) if kind[0] == "bytes" else column.cast(_RAW_TYPES[kind[0]])
