"""Runs SQL of a test."""

from __future__ import annotations

from typing import Any

from penstock.postgres.own import Connection


def run(connection: Connection, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements in one transaction; return the rows of the last one."""
    with connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []
