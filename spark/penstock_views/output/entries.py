"""The entries of a history: what one change did to the row of one key, as columns."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T

from penstock.contract import VERSION
from penstock.names import postgres_name
from penstock_views.declaration.views import History, ViewInvalid
from penstock_views.types.canonical import logical_of

ENTRY = (
    T.StructType()
    .add(VERSION, T.LongType())
    .add("op", T.StringType())
    .add("lsn", T.LongType())
    .add("tx_id", T.LongType())
    .add("committed_at", T.TimestampType())
    .add("before", T.StringType())
    .add("after", T.StringType())
    .add("changed", T.StringType())
)
"""What an entry holds beside the key of its row (docs/contracts.md, "History")."""

# No value of Postgres holds NUL, which JSON writes so.
_NUL = "\0"
_MARKED = r'"\\u0000(-?[0-9.]+)\\u0000"'
_JSON = {"ignoreNullFields": "false", "timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'"}


def entry_type(view: History, row: T.StructType) -> T.StructType:
    """Say the type of a history's entries.

    :param row: the type of the rows that the view's function gives.
    :raises ViewInvalid: when a key column has a name of the entry's own.
    """
    taken = [name for name in view.key if name in ENTRY.names]
    if taken:
        raise ViewInvalid(
            view.origin,
            f"key column {taken[0]} has a name of the history's own ({', '.join(ENTRY.names)}); give it another in "
            f"row(...), as in {taken[0]}_=u.{taken[0]}, and in the key",
        )
    return T.StructType([row[name] for name in view.key] + ENTRY.fields)


def as_text(row: Column, fields: Sequence[T.StructField]) -> Column:
    """Write a row as JSON: every column, NULLs too, in the order of the row; times in UTC; NULL stays NULL.

    :param fields: the row's columns; the JSON has their names of Postgres.
    """
    has_digits = any(logical_of(field) == "digits" for field in fields)
    if has_digits or any(postgres_name(field.name) != field.name for field in fields):
        columns = [_marked(field, row[field.name]).alias(postgres_name(field.name)) for field in fields]
        row = F.when(row.isNotNull(), F.struct(*columns))
    text = F.to_json(row, _JSON)
    return F.regexp_replace(text, _MARKED, "$1") if has_digits else text


def _marked(field: T.StructField, value: Column) -> Column:
    """Mark digits, which no type of Spark's holds as the number that they are in JSON."""
    if logical_of(field) != "digits":
        return value
    if isinstance(field.dataType, T.ArrayType):
        return F.transform(value, _between_nuls)
    return _between_nuls(value)


def _between_nuls(digits: Column) -> Column:
    return F.concat(F.lit(_NUL), digits, F.lit(_NUL))


def changed_columns(old: Column, new: Column, names: Sequence[str]) -> Column:
    """Write the names of the columns whose values differ, as Postgres has them, as a JSON array."""
    differing = [F.when(~old[name].eqNullSafe(new[name]), F.lit(postgres_name(name))) for name in names]
    return F.to_json(F.array_compact(F.array(*differing)))


def entry(key: Sequence[Column], values: dict[str, Column]) -> Column:
    """Put an entry together, in the order of the contract.

    :param values: one for each column of ENTRY; one that is missing is NULL.
    """
    rest = [
        values.get(field.name, F.lit(None)).cast(field.dataType).alias(field.name, metadata=field.metadata)
        for field in ENTRY.fields
    ]
    return F.struct(*key, *rest)
