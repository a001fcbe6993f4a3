"""Archives the classes that Spark loads, so that each of its JVMs starts with half of the work.

A dynamic archive of application class-data sharing (JEP 350). It is written when this run's JVM ends, read by every
later one with the same class path, and ignored by any other.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from penstock_views.declaration.load import load_views
from penstock_views.snapshot.expected import evaluate_table
from penstock_views.stream.local_jvm import JARS
from penstock_views.stream.session import session_builder
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.avro.functions import to_avro

from penstock import environment
from penstock.class_archive import CLASS_ARCHIVE
from penstock.installation import Names

_FIRST_BATCHES_S = 5

_VIEWS = """
from penstock_views import aggregate, avg, count, history, row, totals, view, whole

@view("public.archived", key=["name", "id"])
def archived_rows(t):
    return row(name=t.name, id=t.id, total=t.total, day=t.day, at=t.at)

@aggregate("public.archived", key=["name"])
def archived_totals(t):
    return totals(name=t.name, rows=count(), mean=avg(t.total))

@history("public.archived", key=["id"])
def archived_history(t):
    return whole(t)
"""
_IMAGE = "SELECT 1 AS id, 'a' AS name, CAST(1 AS DECIMAL(10, 2)) AS total, DATE '2026-01-01' AS day, now() AS at"


def main() -> None:
    """Do a little of what the jobs do, with the archive of all that it loads as the result."""
    environment.clean()
    CLASS_ARCHIVE.unlink(missing_ok=True)
    options = f"-XX:ArchiveClassesAtExit={CLASS_ARCHIVE} -Xlog:cds*=error"
    spark = session_builder("local[2]", JARS, java_options=options).getOrCreate()
    with tempfile.TemporaryDirectory() as folder:
        _batch(spark, Path(folder))
        _stream(spark, Path(folder))
        _evaluate(spark, Path(folder) / "views")
    spark.stop()
    _end_jvm(spark)


def _end_jvm(spark: SparkSession) -> None:
    """Let the JVM exit, which writes the archive, and wait for it."""
    gateway = spark.sparkContext._gateway
    if gateway is not None:
        gateway.proc.stdin.close()
        gateway.proc.wait()


def _batch(spark: SparkSession, folder: Path) -> None:
    _grouped(spark.range(100)).write.parquet(str(folder / "table"))
    spark.read.parquet(str(folder / "table")).collect()


def _stream(spark: SparkSession, folder: Path) -> None:
    rates = spark.readStream.format("rate-micro-batch").option("rowsPerBatch", 10).load()
    writer = _grouped(rates.select(F.col("value").alias("id"))).writeStream.outputMode("update").format("noop")
    query = writer.option("checkpointLocation", str(folder / "checkpoint")).start()
    query.awaitTermination(_FIRST_BATCHES_S)
    query.stop()


def _evaluate(spark: SparkSession, folder: Path) -> None:
    """Compute views of one row, as `verify` does."""
    folder.mkdir()
    (folder / "archived.py").write_text(_VIEWS)
    for view in load_views(folder, Names()):
        list(evaluate_table(view, spark.sql(_IMAGE), ["id"]).toLocalIterator())


def _grouped(numbers: DataFrame) -> DataFrame:
    """Group what becomes Avro: encoding, a struct, a shuffle, sums."""
    avro = numbers.select("id", to_avro(F.struct("id")).alias("row"))
    return avro.groupBy((F.col("id") % 3).alias("group")).agg(F.max("row").alias("row"), F.sum("id"))


if __name__ == "__main__":
    main()
