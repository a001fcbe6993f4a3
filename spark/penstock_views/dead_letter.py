"""Makes dead letters: the original record, whole, with Kafka Connect's error headers (KIP-298)."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from penstock_views.wire import HEADERS_TYPE, text_header

NAME = "views"
"""What `__connect.errors.connector.name` says for the Spark job."""


def dead_letter(topic: str, stage: str, reason: Column) -> Column:
    """Make the dead letter of the frame's record, as a struct of topic, key, value and headers.

    :param stage: `DECODE` or `VIEW` (docs/contracts.md).
    """
    errors = {
        "topic": F.col("topic"),
        "partition": F.col("partition"),
        "offset": F.col("offset"),
        "connector.name": F.lit(NAME),
        "stage": F.lit(stage),
        "exception.message": reason,
    }
    ours = F.array(*[text_header(f"__connect.errors.{name}", value) for name, value in errors.items()])
    headers = F.concat(F.coalesce(F.col("headers"), F.array().cast(HEADERS_TYPE)), ours)
    parts = {"topic": F.lit(topic), "key": F.col("key"), "value": F.col("value"), "headers": headers}
    return F.struct(*[column.alias(name) for name, column in parts.items()])
