"""The names of a source table: as Postgres quotes it, and as Debezium names its topic."""

from __future__ import annotations

import re

TOPIC_PREFIX = "app"
"""The `topic.prefix` of the source connector."""

_NOT_IN_TOPICS = re.compile(r"[^a-zA-Z0-9._-]")


def topic_of(table: str, prefix: str = TOPIC_PREFIX) -> str:
    """Name a table's CDC topic; what a topic's name cannot hold becomes `_`, as Debezium does it.

    :param table: `schema.table`, each part as the catalogue spells it, without quotes.
    """
    return _NOT_IN_TOPICS.sub("_", f"{prefix}.{table}")


def quoted(table: str) -> str:
    """Quote a table's name for SQL: `public."Order Items"` is written `public.Order Items` in a view."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in table.split(".", 1))
