"""Reads which tables the publication holds."""

from __future__ import annotations

from penstock.postgres.own import Connection

_PUBLISHED = "SELECT schemaname || '.' || tablename FROM pg_publication_tables WHERE pubname = %s"


def published_tables(connection: Connection) -> frozenset[str]:
    """Return the tables of the publication; none when it does not exist."""
    with connection.cursor() as cursor:
        cursor.execute(_PUBLISHED, (connection.names.publication,))
        return frozenset(name for (name,) in cursor.fetchall())
