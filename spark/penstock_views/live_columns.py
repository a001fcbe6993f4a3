"""The columns of a table as Postgres' catalogue tells them: the question, and the canonical field of an answer."""

from __future__ import annotations

from pyspark.sql import types as T

from penstock_views.canonical import field_from_postgres
from penstock_views.names import quoted

ColumnRow = tuple[int, str, str, bool, str | None, bool]
"""What is told of a column: position, name, type, is_domain, enum, generated."""

_COLUMNS = """
WITH RECURSIVE below AS (
    SELECT attnum, attname, attgenerated, atttypid AS declared, atttypid AS type, atttypmod AS modifier
    FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped
  UNION ALL
    SELECT attnum, attname, attgenerated, declared, typbasetype, typtypmod
    FROM below JOIN pg_type ON pg_type.oid = type WHERE typtype = 'd'
)
SELECT attnum AS position, attname::text AS name, format_type(type, modifier) AS type, declared <> type AS is_domain,
       CASE WHEN base.typtype = 'e' THEN 'enum' WHEN element.typtype = 'e' THEN 'enum[]' END AS enum,
       attgenerated::text <> '' AS generated
FROM below JOIN pg_type AS base ON base.oid = type LEFT JOIN pg_type AS element ON element.oid = base.typelem
WHERE base.typtype <> 'd'
"""


def columns_query(table: str) -> str:
    """Write the query of a table's columns: position, name, type, is_domain, enum, generated; in no order.

    :param table: `schema.table`, without quotes.
    """
    return _COLUMNS.format(table=quoted(table).replace("'", "''"))


def field_of(name: str, sql_type: str, *, enum: str | None, is_domain: bool) -> T.StructField:
    """Name the canonical field of a column.

    :param sql_type, enum, is_domain: as the query tells them.
    """
    return field_from_postgres(name, enum or sql_type, domain=is_domain)
