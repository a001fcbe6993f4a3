"""The columns of a table as Postgres' catalogue has them: the question, and the canonical field of an answer."""

from __future__ import annotations

from pyspark.sql import types as T

from penstock.contract import PUBLISHES_GENERATED
from penstock_views.types.canonical import BUILT_IN, field_from_postgres

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
SELECT attnum AS position, attname::text AS name, coalesce(namesake.type, format_type(below.type, modifier)) AS type,
       namesake.type IS NULL AND declared <> below.type AS is_domain,
       CASE WHEN namesake.type IS NOT NULL THEN NULL
            WHEN base.typtype = 'e' THEN 'enum' WHEN element.typtype = 'e' THEN 'enum[]' END AS enum,
       attgenerated = 'v'
           OR attgenerated = 's' AND current_setting('server_version_num')::int < {publishes} AS is_generated,
       attnum IN (SELECT unnest(indkey[0:indnkeyatts - 1]) FROM pg_index
                  WHERE indisprimary AND indrelid = {oid}) AS in_key
FROM below JOIN pg_type AS base ON base.oid = below.type LEFT JOIN pg_type AS element ON element.oid = base.typelem
LEFT JOIN LATERAL (
    SELECT own.typnamespace::regnamespace || '.' || own.typname || repeat('[]', (own.oid <> named.oid)::int) AS type
    FROM pg_type AS named
    JOIN pg_type AS own ON own.oid = CASE WHEN named.typcategory = 'A' THEN named.typelem ELSE named.oid END
    WHERE named.oid = declared AND own.typnamespace <> 'pg_catalog'::regnamespace
      AND (lower(own.typname) = ANY ('{built_in}'::text[]) OR EXISTS (
          SELECT FROM pg_type AS other
          WHERE other.typname = own.typname AND other.typnamespace = 'pg_catalog'::regnamespace))
      AND NOT EXISTS (
          SELECT FROM pg_depend WHERE classid = 'pg_type'::regclass AND objid = own.oid AND deptype = 'e')
) AS namesake ON true
WHERE base.typtype <> 'd'
"""
_OID = """(SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = '{schema}' AND c.relname = '{name}')"""
_BUILT_IN = "{" + ",".join(f'"{name}"' for name in sorted(BUILT_IN)) + "}"


def columns_query(table: str) -> str:
    """Write the query of a table's columns, each a ColumnRow; in no order.

    A column's own type may be named as a built-in one, or as one of an extension that Debezium knows. Then its type is
    `schema.name`: Debezium takes it for the other. The query takes no right to the table or its schema, as
    `::regclass` would.

    :param table: `schema.table`, without quotes.
    """
    schema, name = table.replace("'", "''").split(".", 1)
    return _COLUMNS.format(oid=_OID.format(schema=schema, name=name), built_in=_BUILT_IN, publishes=PUBLISHES_GENERATED)


def field_of(name: str, sql_type: str, *, enum: str | None, is_domain: bool) -> T.StructField:
    """Name the canonical field of a column.

    :param sql_type, enum, is_domain: as the query returns them.
    """
    return field_from_postgres(name, enum or sql_type, domain=is_domain)
