"""Computes what may fail for one row. Catalyst's expressions are no public API: checked against PySpark 4.2."""

from __future__ import annotations

from typing import Any

from pyspark.sql import Column, SparkSession
from pyspark.sql.classic.column import Column as ClassicColumn


def try_eval(column: Column, *, is_exact: bool = False) -> Column:
    """Make NULL of any failure while the column is computed (ANSI cast, division by zero, regular expression).

    Without it one row that fails would kill the query for all rows. Nothing of the column is computed outside of it,
    whatever Spark knows of the rows.

    :param is_exact: whether a cast of bytes that are no UTF-8 to a text is a failure as well.
    """
    jvm: Any = SparkSession.active()._jvm
    expressions = jvm.org.apache.spark.sql.classic.ExpressionUtils
    expression = expressions.expression(column._jc)
    return ClassicColumn(expressions.column(jvm.dev.penstock.decoder.TryRow(expression, is_exact)))
