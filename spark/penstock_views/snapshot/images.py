"""Reads a table's rows straight from Postgres, as the stream's images are: the same types, the same values left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from penstock.hashed import hash_sql
from penstock.names import column_name, in_spark, quoted
from penstock.sizes import IMAGE_BYTES
from penstock_views.snapshot.postgres import Postgres
from penstock_views.snapshot.ranges import Range, select_ranges
from penstock_views.types.canonical import is_usable, logical_of
from penstock_views.types.encodings import Decoding, decode_all, may_be_hashed, sql_decoding
from penstock_views.types.live_columns import ColumnRow, columns_query, field_of
from penstock_views.types.sizes import TEXT_TYPES, left_out_of, size_sql


def read_images(
    spark: SparkSession,
    table: str,
    postgres: Postgres,
    columns: Sequence[ColumnRow] | None = None,
    ranges: Sequence[Range] | None = None,
    condition: str | None = None,
) -> DataFrame:
    """Read a table's rows in the canonical type, as the stream's images are.

    :param columns: what `columns_query` returns of the table, where somebody has asked already: a job of Spark less.
    :param ranges: only the rows in these pages, each read by a task of its own; None reads the table in one.
    :param condition: of SQL, only the rows of which it is true; not beside ranges.
    """
    known = _ask_columns(spark, table, postgres) if columns is None else columns
    excluded, hashed = postgres.excluded.of(table), postgres.hashed.of(table)
    # What is generated and not published is in no change, so no view has it.
    carried = [row for row in sorted(known) if not row[5] and row[1] not in excluded]
    reads = [_Read.of(row, is_hashed=row[1] in hashed) for row in carried]
    large = [read for read in reads if read.size]
    selected = ", ".join([*_sizes(large), *(read.selected for read in reads if read.value)])
    if ranges is None:
        where = f" WHERE {condition}" if condition else ""
        query = f"SELECT {selected} FROM {quoted(table)}{where}"  # noqa: S608 - quoted
        rows = spark.read.format("jdbc").options(**postgres.options).option("dbtable", f"({query}) AS images").load()
    else:
        query, pieces = select_ranges(selected, ranges), [each.condition(ranges) for each in ranges]
        options = dict(postgres.options)
        rows = spark.read.jdbc(options.pop("url"), f"({query}) AS images", predicates=pieces, properties=options)
    sizes = {column_name(read.field.name): F.col(_SIZES)[at] for at, read in enumerate(large)}
    key = {column_name(name) for name in key_of(known)}
    # In a step of its own: it is asked for by each column that can be left out.
    sized = rows.select("*", left_out_of(sizes, key).alias(_LEFT_OUT))
    return sized.select(*decode_all([(read.field, read.decodings) for read in reads], F.col(_LEFT_OUT)))


def key_of(columns: Sequence[ColumnRow]) -> tuple[str, ...]:
    """Name the columns of the primary key."""
    return tuple(row[1] for row in sorted(columns) if row[6])


_LEFT_OUT, _SIZES = "left_out", "sizes"


def _sizes(large: Sequence[_Read]) -> Iterator[str]:
    """Write the sizes of values that can be large as one: a SELECT has 1,664 parts at most, a table 1,600 columns."""
    if large:
        yield f"ARRAY[{', '.join(f'({read.size})::bigint' for read in large)}] AS {_SIZES}"


def _ask_columns(spark: SparkSession, table: str, postgres: Postgres) -> list[ColumnRow]:
    rows = spark.read.format("jdbc").options(**postgres.options).option("query", columns_query(table)).load().collect()
    return [tuple(row) for row in rows]


@dataclass(frozen=True)
class _Read:
    """How one column is read: its canonical field, the SQL that writes it and the decoding that takes it.

    :param place: of the column in the table: Spark's JDBC source does not quote every name, so it never sees Postgres'.
    :param size: the SQL of the value's size; None for one that is always small.
    :param cast: gives a value of the column's own type back what CASE takes of it: that of numeric(5,2) is any numeric.
    """

    field: T.StructField
    place: int
    value: str
    decoding: Decoding | None
    size: str | None
    in_key: bool
    cast: str

    @property
    def name(self) -> str:
        """The frame's column of the value."""
        return f"c{self.place}"

    @property
    def selected(self) -> str:
        """The part of the SELECT for this column's value."""
        if not self.size or self.in_key:
            return f"{self.value} AS {self.name}"
        # What is left out in any case need not be fetched. A key's value is none: Postgres shall find rows by it.
        fetched = f"CASE WHEN ({self.size}) <= {IMAGE_BYTES} THEN {self.value} END"
        return f"({fetched}){self.cast} AS {self.name}"

    @property
    def decodings(self) -> list[tuple[Decoding, Column]]:
        """The value as it was read, NULL where it is left out, and its decoding; none where no view can use it."""
        if self.decoding is None:
            return []
        column = F.col(self.name)
        if self.size and not self.in_key:
            is_held = F.try_element_at(F.col(_LEFT_OUT), F.lit(column_name(self.field.name))).isNull()
            column = F.when(is_held, column)
        return [(self.decoding, column)]

    @classmethod
    def of(cls, row: ColumnRow, *, is_hashed: bool = False) -> _Read:
        place, name, sql_type, is_domain, enum, _, in_key = row
        field = field_of(name, sql_type, enum=enum, is_domain=is_domain)
        column = '"' + name.replace('"', '""') + '"'
        if is_hashed:
            decoding = sql_decoding(field)[1] if may_be_hashed(field) else None
            return cls(field, place, hash_sql(column), decoding, None, in_key, "")
        # JDBC knows no domains; any other text (json, inet, an enum) is the server's own.
        based = f"({column})::{sql_type}" if is_domain else column
        # The label of an enum is a name, and names are short.
        size = None if enum == "enum" else size_sql(field, sql_type, based)
        form, decoding = sql_decoding(field) if is_usable(field) else ("", None)
        cast = f"::{sql_type}" if form == "{0}" else ""
        value = f"({based})::text" if in_key and _takes_some_texts(field, enum or sql_type) else form.format(based)
        return cls(field, place, value, decoding, size, in_key, cast)


def _takes_some_texts(field: T.StructField, sql_type: str) -> bool:
    """Say whether a column that is read as text refuses some: jsonb, cidr, an enum.

    Postgres would fail where rows of such a key are asked for by a text that an earlier type or label left in a view.
    """
    return isinstance(field.dataType, T.StringType) and not logical_of(field) and not sql_type.startswith(TEXT_TYPES)


def name_row(image: str, columns: Sequence[str]) -> Column:
    """Write a source row's key for people; a value that the image cannot hold is a question mark."""
    images = [(name, F.col(f"{image}.{in_spark(name)}").cast(T.StringType())) for name in columns]
    return F.concat_ws(", ", *[F.concat(F.lit(f"{name}="), F.coalesce(text, F.lit("?"))) for name, text in images])
