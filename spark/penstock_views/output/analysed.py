"""What a view's function computes, as Spark understands it.

Its expressions are reached through Spark's JVM here only (checked against PySpark 4.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, SparkSession
from pyspark.sql import types as T

from penstock_views.types.encodings import REFUSED


@dataclass(frozen=True)
class Analysed:
    """Columns of a view: each as an expression of Spark's JVM, and their types."""

    expressions: Mapping[str, Any]
    fields: T.StructType


def analysed(spark: SparkSession, columns: Mapping[str, Column], image: T.StructType) -> Analysed:
    """Let Spark analyse columns over one row image, which is named `image`."""
    frame: Any = spark.createDataFrame([], T.StructType([T.StructField("image", image)]))
    selected = frame.select(*[column.alias(name) for name, column in columns.items()])
    found = selected._jdf.queryExecution().analyzed().expressions()
    return Analysed({name: found.apply(number) for number, name in enumerate(columns)}, selected.schema)


def plain_image(image: T.StructType) -> T.StructType:
    """Leave out whether values can be refused: a matter of where the image comes from, not of the function."""
    return T.StructType([field for field in image.fields if field.name != REFUSED.name])
