"""Limits of a view's CQL table: the engine refuses what it cannot hold, so that no stale row stays.

The sink would refuse the same values, but too late: it writes what it gets and deletes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T

from penstock.sizes import HISTORY_ROW_BYTES, VIEW_ROW_BYTES
from penstock_views.declaration.views import View
from penstock_views.output.entries import as_text
from penstock_views.types.canonical import logical_of
from penstock_views.types.key_form import has_scale

DAY_MICROS = 24 * 3600 * 1_000_000
MAX_KEY_BYTES = 65_535
"""What Cassandra holds in a partition key, and in the clustering columns of a row together."""

_MICROS = "has microseconds, which CQL cannot hold; say truncate_to_millis() in the view"
_KEY_MICROS = (
    "has microseconds, which CQL cannot hold; say unix_micros() in the view, for a bigint that keeps them "
    "(truncate_to_millis() would make one row of two: it is for columns that are not of the primary key)"
)
_BYTES = {"boolean": 1, "int": 4, "float": 4, "date": 4, "bigint": 8, "double": 8, "timestamp": 8}
_BYTES_AT_MOST = 20
"""Of the others: a uuid and an inet have 16, a decimal of 38 digits 20."""

_SHOWN = 40
_BYTES_OF_A_DIGIT = 0.4153  # log(10) / log(256), rounded up
_DAY_24 = "is 24:00, which CQL's time cannot hold"
_MOST_HOURS = 2_562_046
"""With another hour the nanoseconds of a duration have more than 64 bits."""
_MIXED = (
    "is infinite, mixes signs or has 2,562,047 hours or more, which CQL's duration cannot hold; "
    "cast it to string in the view for a text"
)
_MASKED = (
    "is not one address (it has a mask, or is IPv4 inside IPv6), which CQL's inet cannot hold; "
    "cast it to string in the view for a text"
)
_OF_ARRAYS = {
    "truncate_to_millis": "truncate_each_to_millis",
    "cast it to string in the view for a text": 'cast it to "array<string>" in the view for texts',
}
"""What a cure says of an array in place of what it says of one value."""
_NULL_ELEMENT = "has NULL elements, which CQL collections cannot hold"
_POSITIVE, _NEGATIVE = r"(^|[A-Z])[0-9.]*[1-9]", r"-[0-9.]*[1-9]"


# Of a byte of a row, the JSON of it has six at most (a control character); the names come on top.
_JSON_OF_A_BYTE = 8
_ELEMENT = 8

Misfit = Callable[[Column], Column]


def beyond_cql(view: View, field: T.StructField, value: Column) -> Column | None:
    """Say why CQL cannot hold a value: text or NULL; None when it holds every value of the column's type."""
    rule = _array(field, field.dataType) if isinstance(field.dataType, T.ArrayType) else _scalar(field, field.dataType)
    if rule is None:
        return None
    misfit, reason = rule
    is_in_key = reason == _MICROS and field.name in view.key
    return F.when(misfit(value), F.lit(f"view {view.name}: {field.name} {_KEY_MICROS if is_in_key else reason}"))


def beyond_key(view: View, row: T.StructType, values: Column) -> list[Column]:
    """Say why Cassandra allows no row with a key: each is text or NULL."""
    partition = view.partition_key
    clustering = tuple(name for name in view.key if name not in partition)
    # Cassandra writes 3 bytes beside each value of a partition key that has several.
    beside = 3 * len(partition) if len(partition) > 1 else 0
    limits = [_too_long(view, row, values, partition, beside), _too_long(view, row, values, clustering, 0)]
    alone = row[partition[0]]
    if len(partition) == 1 and _has_length(alone) and not has_scale(alone):
        limits.append(_empty(view, alone.name, values[alone.name]))
    return [limit for limit in limits if limit is not None]


def _empty(view: View, name: str, value: Column) -> Column:
    reason = f"view {view.name}: key column {name} is empty, which Cassandra allows in no partition key of one column"
    return F.when(F.octet_length(value) == 0, F.lit(reason))


def _too_long(view: View, row: T.StructType, values: Column, names: Sequence[str], beside: int) -> Column | None:
    """Refuse what is too long together; the longest is named.

    :param beside: the bytes that are not of the values.
    """
    long = [name for name in names if _has_length(row[name])]
    if not long:
        return None
    sizes = {name: _size(row[name], values[name]) for name in long}
    fixed = sum(_bytes_at_most(row[name]) for name in names if name not in long)
    total = reduce(Column.__add__, sizes.values()) + beside + fixed
    shown = {name: _shown(name, row[name], values[name]) for name in long}
    longest, named = sizes[long[0]], shown[long[0]]
    if len(long) > 1:
        longest = F.greatest(*sizes.values())
        named = F.coalesce(*[F.when(sizes[name] == longest, shown[name]) for name in long])
    head = F.lit(f"view {view.name}: key column ")
    tail = F.lit(f" bytes, and Cassandra allows {MAX_KEY_BYTES:,} in a key")
    return F.when(total > MAX_KEY_BYTES, F.concat(head, named, F.lit(" has "), longest.cast("string"), tail))


def _has_length(field: T.StructField) -> bool:
    """Say whether a column's values can be long."""
    is_long = isinstance(field.dataType, T.StringType | T.BinaryType)
    return is_long and logical_of(field) not in ("uuid", "inet")


def _bytes_at_most(field: T.StructField) -> int:
    return _BYTES.get(field.dataType.simpleString(), _BYTES_AT_MOST)


def _size(field: T.StructField, value: Column) -> Column:
    length = F.octet_length(value)
    return F.ceil(length * _BYTES_OF_A_DIGIT).cast("int") + 5 if has_scale(field) else length


def _shown(name: str, field: T.StructField, value: Column) -> Column:
    begin = F.hex(F.substring(value, 1, _SHOWN)) if isinstance(field.dataType, T.BinaryType) else value
    return F.concat(F.lit(f"{name} = "), F.substring(begin, 1, _SHOWN), F.lit("…"))


def beyond_record(view: str, fields: Sequence[T.StructField], row: Column) -> Column:
    """Say why a row view cannot hold a row: it is too large; text or NULL.

    :param fields: the columns of the row that can be large.
    """
    size = _bytes_of(fields, row)
    problem = F.concat(
        F.lit(f"view {view}: a row of "), size.cast("string"), F.lit(f" bytes, {VIEW_ROW_BYTES} at most")
    )
    return F.when(size > VIEW_ROW_BYTES, problem)


def beyond_entry(view: str, fields: Sequence[T.StructField], row: Column, whole: T.StructType) -> Column:
    """Say the same of a history, whose entries hold a row twice as JSON.

    :param whole: all columns of the row.
    """
    size = F.octet_length(as_text(row, whole.fields))
    said = f" bytes as JSON, {HISTORY_ROW_BYTES} at most"
    problem = F.concat(F.lit(f"view {view}: a row of "), size.cast("string"), F.lit(said))
    # Most rows are so small that nobody needs to write the JSON to know.
    is_large = (_bytes_of(fields, row) > HISTORY_ROW_BYTES // _JSON_OF_A_BYTE) & (size > HISTORY_ROW_BYTES)
    return F.when(is_large, problem)


def _bytes_of(fields: Sequence[T.StructField], row: Column) -> Column:
    """Count the bytes of columns, all by one expression: a sum of so many is planned for longer than it copies them."""
    kinds = {field.name: "array<string>" if isinstance(field.dataType, T.ArrayType) else "string" for field in fields}
    texts = F.octet_length(F.concat_ws("", *[row[name].cast(kind) for name, kind in kinds.items()]))
    elements = [F.coalesce(F.size(row[name]), F.lit(0)) for name, kind in kinds.items() if kind != "string"]
    return reduce(Column.__add__, [elements_of * _ELEMENT for elements_of in elements], texts)


def refuse_in_key(field: T.StructField) -> str | None:
    """Say why a column of that type cannot be part of a view's key, or None."""
    is_wrong = isinstance(field.dataType, T.ArrayType) or logical_of(field) == "interval"
    return f"key column {field.name} is an array or an interval, which Cassandra allows in no key" if is_wrong else None


def _scalar(field: T.StructField, kind: T.DataType) -> tuple[Misfit, str] | None:
    if isinstance(kind, T.TimestampType):
        return lambda value: F.pmod(F.unix_micros(value), F.lit(1000)) != 0, _MICROS
    match logical_of(field):
        case "time":
            return lambda value: ~value.between(0, DAY_MICROS - 1), _DAY_24
        case "interval":
            return _is_no_duration, _MIXED
        case "inet":
            return lambda value: value.contains("/") | value.rlike("(?i)^::ffff:[0-9]+[.]"), _MASKED
    return None


def _is_no_duration(value: Column) -> Column:
    hours = F.regexp_extract(value, r"T-?([0-9]+)H", 1).try_cast(T.LongType())
    is_too_long = F.coalesce(hours > _MOST_HOURS, F.lit(False))
    return ~value.startswith("P") | (value.rlike(_POSITIVE) & value.rlike(_NEGATIVE)) | is_too_long


def _array(field: T.StructField, kind: T.ArrayType) -> tuple[Misfit, str]:
    rule = _scalar(field, kind.elementType)
    if rule is None:
        return lambda value: F.exists(value, lambda one: one.isNull()), _NULL_ELEMENT
    misfit, reason = rule
    for word, of_array in _OF_ARRAYS.items():
        reason = reason.replace(word, of_array)
    return lambda value: F.exists(value, lambda one: one.isNull() | misfit(one)), f"has NULL, or one that {reason}"
