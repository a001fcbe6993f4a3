"""The columns of a table as Postgres' catalogue has them: the question, and the canonical field of an answer."""

from __future__ import annotations

from pyspark.sql import types as T

from penstock.contract import PUBLISHES_GENERATED
from penstock_views.types.canonical import field_from_postgres

ColumnRow = tuple[int, str, str, bool, str | None, bool, bool]
"""What is asked of a column: position, name, type, is_domain, enum, is_generated (and published by no server of this
version, as all that are virtual), in_key (one of the primary key)."""

_COLUMNS = """
WITH RECURSIVE below AS (
    SELECT attnum, attname, attgenerated, atttypid AS declared, atttypid AS type, atttypmod AS modifier
    FROM pg_attribute WHERE attrelid = {oid} AND attnum > 0 AND NOT attisdropped
  UNION ALL
    SELECT attnum, attname, attgenerated, declared, typbasetype, typtypmod
    FROM below JOIN pg_type ON pg_type.oid = type WHERE typtype = 'd'
)
SELECT attnum AS position, attname::text AS name, format_type(below.type, modifier) AS type,
       declared <> below.type AS is_domain,
       CASE WHEN base.typtype = 'e' THEN 'enum' WHEN element.typtype = 'e' THEN 'enum[]' END AS enum,
       attgenerated = 'v'
           OR attgenerated = 's' AND current_setting('server_version_num')::int < {publishes} AS is_generated,
       attnum IN (SELECT unnest(indkey[0:indnkeyatts - 1]) FROM pg_index
                  WHERE indisprimary AND indrelid = {oid}) AS in_key
FROM below JOIN pg_type AS base ON base.oid = below.type LEFT JOIN pg_type AS element ON element.oid = base.typelem
WHERE base.typtype <> 'd'
"""
_OID = """(SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = '{schema}' AND c.relname = '{name}')"""


def columns_query(table: str) -> str:
    """Write the query of a table's columns, each a ColumnRow; in no order.

    It takes no right to the table or its schema, as `::regclass` would.

    :param table: `schema.table`, without quotes.
    """
    schema, name = table.replace("'", "''").split(".", 1)
    return _COLUMNS.format(oid=_OID.format(schema=schema, name=name), publishes=PUBLISHES_GENERATED)


def field_of(name: str, sql_type: str, *, enum: str | None, is_domain: bool) -> T.StructField:
    """Name the canonical field of a column.

    :param sql_type, enum, is_domain: as the query returns them.
    """
    return field_from_postgres(name, enum or sql_type, domain=is_domain)
