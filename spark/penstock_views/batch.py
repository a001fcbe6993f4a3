"""Computes views in batch, straight from Postgres: the expected side of `penstock verify`."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from penstock.errors import TerminalError
from penstock_views.canonical import field_from_postgres
from penstock_views.declare import View
from penstock_views.evaluate import Evaluation, add_evaluations
from penstock_views.names import quoted

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
        return basic | ({"password": self.password} if self.password else {}) | self._snapshot_option()

    def _snapshot_option(self) -> dict[str, str]:
        if self.snapshot is None:
            return {}
        if not self.snapshot.replace("-", "").isalnum():
            raise SnapshotInvalid(self.snapshot)
        set_snapshot = f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '{self.snapshot}'"
        return {"sessionInitStatement": set_snapshot}


@dataclass(frozen=True)
class Expected:
    """What a view must hold, and the source rows that it cannot hold.

    :param rows: one column for each of the view's, key columns first.
    :param rejected: the source's columns and `problem`; the stream sends dead letters for these.
    """

    rows: DataFrame
    rejected: DataFrame


def expected_rows(spark: SparkSession, view: View, postgres: Postgres) -> Expected:
    """Compute a view from the table as it is in Postgres, with the functions that the stream uses."""
    return evaluate_table(view, read_images(spark, view.table, postgres))


def evaluate_table(view: View, images: DataFrame) -> Expected:
    """Compute a view from a frame of canonical rows."""
    framed = images.select(F.struct(*images.columns).alias("image"))
    judged = add_evaluations(framed, [Evaluation(view, "image", "outcome")])
    rows = judged.where("outcome.row is not null").select("outcome.row.*")
    rejected = judged.where("outcome.problem is not null").select("image.*", "outcome.problem")
    return Expected(rows, rejected)


def read_images(spark: SparkSession, table: str, postgres: Postgres) -> DataFrame:
    """Read a table's rows in the canonical type; columns outside the contract are left out, as in the stream."""
    reader = spark.read.format("jdbc").options(**postgres.options)
    fields = _canonical_fields(reader.option("query", _columns_query(table)).load())
    rows = spark.read.format("jdbc").options(**postgres.options).option("dbtable", quoted(table)).load()
    return rows.select(
        *[F.col(field.name).cast(field.dataType).alias(field.name, metadata=field.metadata) for field in fields]
    )


def _canonical_fields(columns: DataFrame) -> list[T.StructField]:
    named = [field_from_postgres(row["name"], row["type"]) for row in columns.orderBy("position").collect()]
    return [field for field in named if field]


def _columns_query(table: str) -> str:
    # The name comes from a view file.
    return (
        "SELECT attnum AS position, attname::text AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute "  # noqa: S608
        f"WHERE attrelid = '{quoted(table)}'::regclass AND attnum > 0 AND NOT attisdropped"
    )
