"""Size of a row image as Postgres says it; how large it may be is in `penstock/sizes.py`."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T

from penstock.sizes import IMAGE_BYTES, SMALL_BYTES
from penstock_views.types.canonical import is_usable, logical_of
from penstock_views.types.encodings import REFUSED, may_be_large

# As ImageSize.java counts the elements of an array.
_ELEMENT, _NUMBER, _WRITTEN = 8, 10, 40
_NUMBERS = (T.IntegerType, T.LongType, T.FloatType, T.DoubleType, T.BooleanType)
TEXT_TYPES = ("text", "character")
"""How the names of the types begin that take any text."""


def size_sql(field: T.StructField, sql_type: str, column: str) -> str | None:
    """Write the size of a column's value in SQL as ImageSize.java counts it; None for a type that is always small.

    :param sql_type: of the column, as the catalogue writes it.
    :param column: the expression of the value.
    """
    if not is_usable(field):
        return None  # the source does not send it
    if isinstance(field.dataType, T.ArrayType):
        return _array_sql(field, field.dataType.elementType, column)
    if isinstance(field.dataType, T.BinaryType):
        return f"octet_length({column})"
    if not may_be_large(field):
        return None
    # Of these Postgres knows the length without reading the value.
    return f"octet_length({column})" if sql_type.startswith(TEXT_TYPES) else f"octet_length(format('%s', {column}))"


def left_out_of(sizes: Mapping[str, Column], key: Collection[str]) -> Column:
    """Say what the source leaves out of a row, as LargeImages.java does: the columns, and what REFUSED says of each.

    :param sizes: of the columns whose values can be large.
    :param key: the primary key, of which nothing is left out.
    :returns: NULL where the row fits.
    """
    if not sizes.keys() - set(key):
        return F.lit(None).cast(REFUSED.dataType)
    counted = {
        name: F.when(size > SMALL_BYTES, size).otherwise(F.lit(0).cast("bigint")) for name, size in sizes.items()
    }
    total = F.aggregate(F.array(*counted.values()), F.lit(0).cast("bigint"), lambda sum_, size: sum_ + size)
    candidates = [
        F.struct((-size).alias("order"), F.lit(name).alias("name")) for name, size in counted.items() if name not in key
    ]
    none = F.array().cast("array<struct<name: string, said: string>>")
    begin = F.struct(total.alias("rest"), none.alias("said"))
    found = F.aggregate(F.sort_array(F.array(*candidates)), begin, _leave_out)["said"]
    return F.when(total > IMAGE_BYTES, F.map_from_entries(found))


def _leave_out(state: Column, column: Column) -> Column:
    size = -column["order"]
    text = F.concat(size.cast("string"), F.lit(f" bytes (a row holds at most {IMAGE_BYTES})"))
    said = F.array(F.struct(column["name"].alias("name"), text.alias("said")))
    without = F.struct((state["rest"] - size).alias("rest"), F.concat(state["said"], said).alias("said"))
    return F.when((state["rest"] > IMAGE_BYTES) & (size > 0), without).otherwise(state)


def _array_sql(field: T.StructField, element: T.DataType, column: str) -> str:
    if isinstance(element, T.DateType | T.TimestampType) or logical_of(field) in ("uuid", "time"):
        return f"{_WRITTEN} * cardinality({column})"
    if isinstance(element, _NUMBERS):
        return f"{_NUMBER} * cardinality({column})"
    written = "e" if isinstance(element, T.BinaryType) else "format('%s', e)"
    each = f"{_ELEMENT} + COALESCE(octet_length({written}), 0)"
    # Of no elements the sum is NULL, which is no size.
    return f"(SELECT COALESCE(sum({each}), 0) FROM unnest({column}) AS u (e))"  # noqa: S608 - our own
