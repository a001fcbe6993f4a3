"""Values as Postgres writes them: the driver's own types have no `24:00`, no month in an interval, no year BC."""

from __future__ import annotations

import psycopg
from psycopg.abc import AdaptContext
from psycopg.types.string import TextLoader


def show_text(reader: AdaptContext) -> None:
    """Let a connection or a cursor return the server's text for every type."""
    for known in psycopg.postgres.types:
        for oid in filter(None, (known.oid, known.array_oid)):
            reader.adapters.register_loader(oid, TextLoader)
