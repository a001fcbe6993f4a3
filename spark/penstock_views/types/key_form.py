"""The normal form of a key value: what Cassandra takes for one key is the same bytes.

Cassandra compares clustering columns by value (`10` and `10.00` are one `decimal`, every NaN is one) and partition keys
by bytes. The engine decides on bytes whether a row has moved, and which group it belongs to.
"""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T

from penstock_views.types.canonical import logical_of

# It begins once in a run of zeros: there can be 16,383 of them, and a digit behind.
_ZEROS = r"(\.|(?<=[1-9]))0+$"


def normal_form(field: T.StructField, value: Column) -> Column | None:
    """Write a key value in its normal form; None for a type of which each value has one form only."""
    if isinstance(field.dataType, T.FloatType | T.DoubleType):
        return F.when(F.isnan(value), F.lit(float("nan")).cast(field.dataType)).otherwise(value)
    return _shortest(value) if has_scale(field) else None


def has_scale(field: T.StructField) -> bool:
    """Say whether a column is a `numeric` without limits: equal values of it differ in their zeros at the end."""
    return logical_of(field) == "digits" and isinstance(field.dataType, T.StringType)


def _shortest(digits: Column) -> Column:
    """Take the zeros at the end of a fraction away, and the sign of a zero."""
    short = F.when(digits.contains("."), F.regexp_replace(digits, _ZEROS, "")).otherwise(digits)
    return F.when(short == "-0", F.lit("0")).otherwise(short)
