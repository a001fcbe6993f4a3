"""Optimizes a streaming plan once, by Catalyst, which is not public API (as `try_eval`).

Spark optimizes the written plan of a query again for each of its batches, and processes nothing meanwhile. That is each
commit of row views, and each micro-batch of an aggregate. In a plan that is optimized already, Spark finds little to
change.
"""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.classic.dataframe import DataFrame as ClassicDataFrame


def optimized(frame: DataFrame) -> DataFrame:
    """Make the frame with the same rows whose plan is optimized: checked against PySpark 4.2."""
    spark: Any = SparkSession.active()
    session: Any = spark._jsparkSession
    plan = session.sessionState().optimizer().execute(frame._jdf.queryExecution().analyzed())
    return ClassicDataFrame(spark._jvm.org.apache.spark.sql.classic.Dataset.ofRows(session, plan), spark)
