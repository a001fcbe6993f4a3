"""The types of a table's columns as the catalogue names them, of a domain its base type."""

from __future__ import annotations

from typing import Any

BASE_TYPE = """
    (WITH RECURSIVE base AS (
        SELECT a.atttypid AS type, a.atttypmod AS modifier
      UNION ALL
        SELECT t.typbasetype, t.typtypmod FROM base JOIN pg_type t ON t.oid = base.type WHERE t.typtype = 'd')
     SELECT format_type(base.type, base.modifier) FROM base JOIN pg_type t ON t.oid = base.type WHERE t.typtype <> 'd')
"""
"""An expression of SQL: the type of the column `a` of pg_attribute."""

_TYPES = f"""
    SELECT a.attname::text, {BASE_TYPE} FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""  # noqa: S608 - an expression of ours


def column_types(cursor: Any, table: str) -> dict[str, str]:
    """Return the type of each column of a table (`schema.table`); none when there is no such table."""
    cursor.execute(_TYPES, table.split(".", 1))
    return dict(cursor.fetchall())
