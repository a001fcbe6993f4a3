"""The names of tables and columns: `penstock.names`, which the console can import without Spark."""

from __future__ import annotations

from penstock.names import (
    MOST_IN_TOPIC,
    NOT_CARRIED,
    column_name,
    in_spark,
    is_plain,
    is_table,
    postgres_name,
    quoted,
    topic_of,
)

__all__ = [
    "MOST_IN_TOPIC",
    "NOT_CARRIED",
    "column_name",
    "in_spark",
    "is_plain",
    "is_table",
    "postgres_name",
    "quoted",
    "topic_of",
]
