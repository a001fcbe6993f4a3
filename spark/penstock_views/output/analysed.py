"""Analyses what a view's function computes, as Spark understands it.

Its expressions are reached through Spark's JVM here only (checked against PySpark 4.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, SparkSession
from pyspark.sql import types as T

from penstock_views.types.encodings import REFUSED

_BEYOND = {
    "GENERATE": "makes several rows of one",
    "WINDOW": "reads other rows",
    "PLAN_EXPRESSION": "reads other rows",
    "PYTHON_UDF": "calls Python for each row, where a change of what it computes is not seen",
    "SCALA_UDF": "calls a function of Java or Scala, where a change of what it computes is not seen",
}
"""What no view can do, by the names of Spark's patterns in a plan (org.apache.spark.sql.catalyst.trees.TreePattern)."""


@dataclass(frozen=True)
class Analysed:
    """Columns of a view: each as an expression of Spark's JVM, and their types.

    :param beyond: why a view cannot have one of them; None where it can have all.
    """

    expressions: Mapping[str, Any]
    fields: T.StructType
    beyond: str | None


def analysed(spark: SparkSession, columns: Mapping[str, Column], image: T.StructType) -> Analysed:
    """Let Spark analyse columns over one row image, which is named `image`."""
    frame: Any = spark.createDataFrame([], T.StructType([T.StructField("image", image)]))
    selected = frame.select(*[column.alias(name) for name, column in columns.items()])
    plan = selected._jdf.queryExecution().analyzed()
    found = plan.expressions()
    expressions = {name: found.apply(number) for number, name in enumerate(columns)}
    return Analysed(expressions, selected.schema, _beyond(spark, plan))


def _beyond(spark: SparkSession, plan: Any) -> str | None:
    patterns = spark._jvm.org.apache.spark.sql.catalyst.trees.TreePattern  # type: ignore[union-attr]
    return next((why for name, why in _BEYOND.items() if plan.containsPattern(getattr(patterns, name)())), None)


def plain_image(image: T.StructType) -> T.StructType:
    """Leave out whether values can be refused: a matter of where the image comes from, not of the function."""
    return T.StructType([field for field in image.fields if field.name != REFUSED.name])
