"""Makes dead letters: the original record with Kafka Connect's error headers (KIP-298), whole unless it is large."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from penstock.contract import CONNECT_ERRORS
from penstock.sizes import WHOLE_LETTER_BYTES
from penstock_views.change.wire import HEADERS_TYPE, text_header

NAME = "views"
"""What `__connect.errors.connector.name` says for the Spark job."""


_KEPT = {"key": "letter_key", "value": "letter_value"}


def kept_in_letters() -> list[Column]:
    """Make the columns that `dead_letter` needs of the frame's record: its key and value, NULL where they are large.

    A large record is found by its topic, partition and offset; each view that fails on it has a letter.
    """
    return [F.when(F.length(name) <= WHOLE_LETTER_BYTES, F.col(name)).alias(kept) for name, kept in _KEPT.items()]


def dead_letter(topic: str, stage: str, reason: Column, *, has_value: bool = True) -> Column:
    """Make the dead letter of the frame's record, as a struct of topic, key, value and headers.

    :param stage: `DECODE` or `VIEW` (docs/contracts.md).
    :param has_value: whether the record's value is wanted.
    """
    value = F.col(_KEPT["value"]) if has_value else F.lit(None).cast("binary")
    errors = {
        "topic": F.col("topic"),
        "partition": F.col("partition"),
        "offset": F.col("offset"),
        "connector.name": F.lit(NAME),
        "stage": F.lit(stage),
        "exception.message": reason,
    }
    ours = F.array(*[text_header(f"{CONNECT_ERRORS}{name}", value) for name, value in errors.items()])
    headers = F.concat(F.coalesce(F.col("headers"), F.array().cast(HEADERS_TYPE)), ours)
    parts = {"topic": F.lit(topic), "key": F.col(_KEPT["key"]), "value": value, "headers": headers}
    return F.struct(*[column.alias(name) for name, column in parts.items()])
