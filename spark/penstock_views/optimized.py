"""Optimizes a streaming plan once; beside `try_eval` the one place that reaches Catalyst, which is not public API.

Spark optimizes the plan of a query anew for each of its batches, from what the query was written as. Most of that is
the same each time, and while it lasts nothing is processed: each minute for the row views, each two seconds for an
aggregate. A plan that is optimized already is looked through, and there is little to change.
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
