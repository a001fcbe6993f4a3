"""Computes views in batch, straight from Postgres: the expected side of `penstock verify`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from penstock.errors import TerminalError
from penstock.names import column_name, in_spark, quoted
from penstock.pinned import PINNED
from penstock.sizes import IMAGE_BYTES
from penstock_views.declaration.totals import Aggregate
from penstock_views.declaration.views import View
from penstock_views.output.evaluate import Evaluation, add_evaluations
from penstock_views.output.grouping import ROWS, Grouping, grouping_of
from penstock_views.snapshot.ranges import FETCH_ROWS, Range, select_ranges
from penstock_views.types.canonical import is_usable
from penstock_views.types.carriers import Carrier, carry_all, sql_carrier
from penstock_views.types.live_columns import ColumnRow, columns_query, field_of
from penstock_views.types.sizes import left_out_of, size_sql

ABSENT = ":absent"
"""The column that says which source rows have no row: `struct<problem, example, rows>`; no view can have that name."""

_EXAMPLE = ":example"


class SnapshotInvalid(TerminalError):
    """A snapshot id is not one that Postgres exports."""

    def __init__(self, snapshot: str) -> None:
        super().__init__(
            f"`{snapshot}` is no snapshot id; take one from pg_export_snapshot() and keep its transaction open"
        )


@dataclass(frozen=True)
class Postgres:
    """Where to read, and as of when.

    :param tls: `sslmode` and `sslrootcert`, which libpq and the JDBC driver share.
    :param snapshot: what `pg_export_snapshot()` returned in a transaction that is still open; None reads the present.
    :param fetch_rows: so many rows are in memory at once.
    """

    host: str
    port: int
    database: str
    user: str
    password: str = ""
    snapshot: str | None = None
    fetch_rows: int = FETCH_ROWS
    tls: Mapping[str, str] = field(default_factory=dict)

    @property
    def options(self) -> dict[str, str]:
        """The options of Spark's JDBC source."""
        url = f"jdbc:postgresql://{self.host}:{self.port}/{self.database}"
        # Only with a fetch size does Spark open a transaction (and Postgres a cursor instead of all rows at once).
        basic = {"url": url, "user": self.user, "driver": "org.postgresql.Driver", "fetchsize": str(self.fetch_rows)}
        secret = {"password": self.password} if self.password else {}
        return basic | secret | dict(self.tls) | {"options": PINNED} | self._snapshot_option()

    def _snapshot_option(self) -> dict[str, str]:
        if self.snapshot is None:
            return {}
        if not self.snapshot.replace("-", "").isalnum():
            raise SnapshotInvalid(self.snapshot)
        set_snapshot = f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '{self.snapshot}'"
        return {"sessionInitStatement": set_snapshot}


@dataclass(frozen=True)
class Expected:
    """What a view must hold (a history: in its newest entries), and the source rows that it cannot hold.

    :param rows: one column for each of the view's, key columns first.
    :param rejected: `image`, the source's row, and `problem`; the stream sends dead letters for these.
    """

    rows: DataFrame
    rejected: DataFrame


def expected_rows(spark: SparkSession, view: View, postgres: Postgres) -> Expected:
    """Compute a view from the table as it is in Postgres, with the functions that the stream uses."""
    images = read_images(spark, view.table, postgres)
    rows = evaluate_table(view, images).where(F.col(f"`{ABSENT}`").isNull()).drop(ABSENT)
    return Expected(rows, evaluate_rows(view, images).rejected)


def evaluate_table(view: View, images: DataFrame, example: Sequence[str] = ()) -> DataFrame:
    """Compute a view from a frame of canonical rows, and what has no row in it, in one reading.

    :param example: the columns by which a source row is named to people.
    :returns: the view's columns and ABSENT: NULL beside a row; for source rows without one, what they are.
    """
    judged = _judged(view, images)
    named = F.when(F.col("outcome.problem").isNotNull(), name_row("image", example)).alias(_EXAMPLE)
    kept = judged.where(F.col("outcome.row").isNotNull() | F.col("outcome.problem").isNotNull()).select(
        "outcome.*", named
    )
    if isinstance(view, Aggregate):
        return _grouped(view, images, kept)
    return kept.select("row.*", _absent(F.lit(1).cast(T.LongType())))


def _grouped(view: Aggregate, images: DataFrame, kept: DataFrame) -> DataFrame:
    """Add the rows up in their groups; those without a row in groups of their own, by their problem."""
    grouping = grouping_of(view, images.schema, kept.select("row.*").schema)
    measures = kept.select(*grouping.measure(F.col("row"), F.lit(1), F.lit(0)), "problem", _EXAMPLE)
    sums = grouping.add_up(measures, apart=["problem"], more=[F.min(_EXAMPLE).alias(_EXAMPLE)])
    groups = grouping.finish(sums, _absent(F.col(ROWS)))
    # What a column means is lost in the sum: digits would be a text.
    meant = [F.col(field.name).alias(field.name, metadata=field.metadata) for field in grouping.view_type.fields]
    return groups.select(*meant, ABSENT)


def _absent(rows: Column) -> Column:
    """Say of source rows that have no row in the view why, which is one of them, and how many they are."""
    told = F.struct(F.col("problem"), F.col(_EXAMPLE).alias("example"), rows.alias("rows"))
    return F.when(F.col("problem").isNotNull(), told).alias(ABSENT)


def name_row(image: str, columns: Sequence[str]) -> Column:
    """Write a source row's key for people; a value that the image cannot hold is a question mark."""
    images = [(name, F.col(f"{image}.{in_spark(name)}").cast(T.StringType())) for name in columns]
    return F.concat_ws(", ", *[F.concat(F.lit(f"{name}="), F.coalesce(text, F.lit("?"))) for name, text in images])


def measure_rows(grouping: Grouping, rows: DataFrame) -> DataFrame:
    """Add up what the rows of an aggregate's function are in their groups."""
    each = rows.select(F.struct(*rows.columns).alias("row"))
    return grouping.add_up(each.select(*grouping.measure(F.col("row"), F.lit(1), F.lit(0))))


def evaluate_rows(view: View, images: DataFrame) -> Expected:
    """Compute what a view's function gives for each canonical row of a frame: for an aggregate, what each row adds."""
    judged = _judged(view, images)
    rows = judged.where(F.col("outcome.row").isNotNull()).select("outcome.row.*")
    rejected = judged.where(F.col("outcome.problem").isNotNull()).select("image", "outcome.problem")
    return Expected(rows, rejected)


def _judged(view: View, images: DataFrame) -> DataFrame:
    framed = images.select(F.struct(*map(in_spark, images.columns)).alias("image"))
    return add_evaluations(framed, [Evaluation(view, "image", "outcome")])


def read_images(
    spark: SparkSession,
    table: str,
    postgres: Postgres,
    columns: Sequence[ColumnRow] | None = None,
    ranges: Sequence[Range] | None = None,
    condition: str | None = None,
) -> DataFrame:
    """Read a table's rows in the canonical type, as the stream's images are.

    :param columns: what `columns_query` tells of the table, where somebody has asked already: a job of Spark less.
    :param ranges: only the rows in these pages, each read by a task of its own; None reads the table in one.
    :param condition: of SQL, only the rows of which it is true; not beside ranges.
    """
    known = _ask_columns(spark, table, postgres) if columns is None else columns
    # What is generated and not published is in no change, so no view has it.
    reads = [_Read.of(row) for row in sorted(known) if not row[5]]
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
    return sized.select(*carry_all([(read.field, read.carried) for read in reads], F.col(_LEFT_OUT)))


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
    """How one column is read: its canonical field, the SQL that writes it and the carrier that takes it.

    :param place: of the column in the table: Spark's JDBC source does not quote every name, so it never sees Postgres'.
    :param size: the SQL of the value's size; None for one that is always small.
    :param cast: gives a value of the column's own type back what CASE takes of it: that of numeric(5,2) is any numeric.
    """

    field: T.StructField
    place: int
    value: str
    carrier: Carrier | None
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
    def carried(self) -> list[tuple[Carrier, Column]]:
        """The value as it was read, NULL where it is left out, and its carrier; none where no view can use it."""
        if self.carrier is None:
            return []
        column = F.col(self.name)
        if self.size and not self.in_key:
            is_held = F.try_element_at(F.col(_LEFT_OUT), F.lit(column_name(self.field.name))).isNull()
            column = F.when(is_held, column)
        return [(self.carrier, column)]

    @classmethod
    def of(cls, row: ColumnRow) -> _Read:
        place, name, sql_type, is_domain, enum, _, in_key = row
        field = field_of(name, sql_type, enum=enum, is_domain=is_domain)
        column = '"' + name.replace('"', '""') + '"'
        # JDBC knows no domains; any other text (json, inet, an enum) is the server's own.
        based = f"({column})::{sql_type}" if is_domain else column
        # The label of an enum is a name, and names are short.
        size = None if enum == "enum" else size_sql(field, sql_type, based)
        form, carrier = sql_carrier(field) if is_usable(field) else ("", None)
        cast = f"::{sql_type}" if form == "{0}" else ""
        return cls(field, place, form.format(based), carrier, size, in_key, cast)
