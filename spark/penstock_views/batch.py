"""Computes views in batch, straight from Postgres: the expected side of `penstock verify`."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from penstock.errors import TerminalError
from penstock_views.canonical import is_usable
from penstock_views.carriers import Carrier, carry_all, sql_carrier
from penstock_views.declare import View
from penstock_views.declare_totals import Aggregate
from penstock_views.evaluate import Evaluation, add_evaluations
from penstock_views.group import Grouping, grouping_of
from penstock_views.live_columns import columns_query, field_of
from penstock_views.names import in_spark, quoted
from penstock_views.pinned import PINNED

FETCH_ROWS = 2000


class SnapshotInvalid(TerminalError):
    """A snapshot id is not one that Postgres exports."""

    def __init__(self, snapshot: str) -> None:
        super().__init__(
            f"`{snapshot}` is no snapshot id; take one from pg_export_snapshot() and keep its transaction open"
        )


@dataclass(frozen=True)
class Postgres:
    """Where to read, and as of when.

    :param snapshot: what `pg_export_snapshot()` returned in a transaction that is still open; None reads the present.
    """

    host: str
    port: int
    database: str
    user: str
    password: str = ""
    snapshot: str | None = None

    @property
    def options(self) -> dict[str, str]:
        """The options of Spark's JDBC source."""
        url = f"jdbc:postgresql://{self.host}:{self.port}/{self.database}"
        # Only with a fetch size does Spark open a transaction (and Postgres a cursor instead of all rows at once).
        basic = {"url": url, "user": self.user, "driver": "org.postgresql.Driver", "fetchsize": str(FETCH_ROWS)}
        secret = {"password": self.password} if self.password else {}
        return basic | secret | {"options": PINNED} | self._snapshot_option()

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
    return evaluate_table(view, read_images(spark, view.table, postgres))


def evaluate_table(view: View, images: DataFrame) -> Expected:
    """Compute a view from a frame of canonical rows."""
    evaluated = evaluate_rows(view, images)
    if not isinstance(view, Aggregate):
        return evaluated
    grouping = grouping_of(view, images.schema, evaluated.rows.schema)
    finished = grouping.finish(measure_rows(grouping, evaluated.rows))
    return Expected(finished.select(*grouping.view_type.names), evaluated.rejected)


def measure_rows(grouping: Grouping, rows: DataFrame) -> DataFrame:
    """Add up what the rows of an aggregate's function are in their groups."""
    each = rows.select(F.struct(*rows.columns).alias("row"))
    return grouping.add_up(each.select(*grouping.measure(F.col("row"), F.lit(1), F.lit(0))))


def evaluate_rows(view: View, images: DataFrame) -> Expected:
    """Compute what a view's function gives for each canonical row of a frame: for an aggregate, what each row adds."""
    framed = images.select(F.struct(*map(in_spark, images.columns)).alias("image"))
    judged = add_evaluations(framed, [Evaluation(view, "image", "outcome")])
    rows = judged.where("outcome.row is not null").select("outcome.row.*")
    rejected = judged.where("outcome.problem is not null").select("image", "outcome.problem")
    return Expected(rows, rejected)


def read_images(spark: SparkSession, table: str, postgres: Postgres) -> DataFrame:
    """Read a table's rows in the canonical type, as the stream's images are."""
    jdbc = spark.read.format("jdbc").options(**postgres.options)
    columns = jdbc.option("query", columns_query(table)).load().orderBy("position").collect()
    jdbc = spark.read.format("jdbc").options(**postgres.options)
    # The replication stream does not carry generated columns, so no view has them.
    reads = [_Read.of(row, place) for place, row in enumerate(columns) if not row["generated"]]
    selected = ", ".join(read.sql for read in reads if read.sql)
    rows = jdbc.option("dbtable", f"(SELECT {selected} FROM {quoted(table)}) AS images").load()  # noqa: S608 - quoted
    return rows.select(*carry_all([(read.field, read.carrier, read.carried) for read in reads]))


@dataclass(frozen=True)
class _Read:
    """How one column is read: its canonical field, the SQL that writes it and the carrier that takes it.

    :param carried: the frame's column. Spark's JDBC source does not quote every name, so it never sees Postgres'.
    """

    field: T.StructField
    sql: str
    carrier: Carrier | None
    carried: Column | None = None

    @classmethod
    def of(cls, row: Row, place: int) -> _Read:
        field = field_of(row["name"], row["type"], enum=row["enum"], is_domain=row["is_domain"])
        if not is_usable(field):
            return cls(field, "", None)
        form, carrier = sql_carrier(field)
        column = '"' + row["name"].replace('"', '""') + '"'
        # JDBC knows no domains; any other text (json, inet, an enum) is the server's own.
        based = f"({column})::{row['type']}" if row["is_domain"] else column
        return cls(field, f"{form.format(based)} AS c{place}", carrier, F.col(f"c{place}"))
