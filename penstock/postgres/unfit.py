"""Finds what keeps a table's changes from coming, or its own statements from working once it is published.

Postgres refuses some tables when they are published. Of others changes never come, silently, or the application's own
UPDATE and DELETE fail as soon as the table has REPLICA IDENTITY FULL. So all of it is asked before anything is done.
`schemas/postgres/045_unfit_tables.sql` refuses the statement that makes a published table so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from penstock.contract import PUBLISHES_GENERATED
from penstock.errors import TerminalError
from penstock.names import quoted
from penstock.postgres.own import Connection

_FOUND = """
    WITH parts AS (
        SELECT c.oid, c.relkind, c.relpersistence, n.nspname || '.' || c.relname AS name
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.oid = %(table)s OR c.oid IN (SELECT relid FROM pg_partition_tree(%(table)s))
    ), kinds (letter, word) AS (
        VALUES ('v', 'view'), ('m', 'materialized view'), ('f', 'foreign table'),
            ('u', 'unlogged table'), ('t', 'temporary table')
    )
    SELECT 'kind', name, word FROM parts JOIN kinds ON letter IN (relkind::text, relpersistence::text)
  UNION ALL
    SELECT 'kind', name, 'system table' FROM parts WHERE oid < 16384
  UNION ALL
    SELECT 'parent', name, string_agg(child.relname, ', ' ORDER BY child.relname)
    FROM parts JOIN pg_inherits ON inhparent = parts.oid
    JOIN pg_class AS child ON child.oid = inhrelid AND NOT child.relispartition
    GROUP BY name
  UNION ALL
    SELECT CASE attgenerated WHEN 'v' THEN 'virtual' ELSE 'stored' END, name, string_agg(attname, ', ' ORDER BY attnum)
    FROM parts JOIN pg_attribute ON attrelid = parts.oid AND NOT attisdropped
    WHERE attgenerated = 'v' OR attgenerated = 's' AND current_setting('server_version_num')::int < %(publishes)s
    GROUP BY name, attgenerated
  UNION ALL
    SELECT 'unpublished', name, pubname
    FROM parts JOIN pg_publication_tables AS t ON t.schemaname || '.' || t.tablename = parts.name
    JOIN pg_publication AS p USING (pubname)
    WHERE EXISTS (SELECT FROM pg_attribute WHERE attrelid = parts.oid AND attgenerated = 's' AND NOT attisdropped)
    AND current_setting('server_version_num')::int >= %(publishes)s
    AND pubname <> %(ours)s AND (pubupdate OR pubdelete) AND to_jsonb(p) ->> 'pubgencols' <> 's'
  UNION ALL
    SELECT 'deferrable', name, ''
    FROM parts JOIN pg_index ON indrelid = parts.oid AND indisprimary AND NOT indimmediate
    WHERE parts.oid = %(table)s
  UNION ALL
    SELECT 'list', name, pubname
    FROM parts JOIN pg_publication_rel ON prrelid = parts.oid AND prattrs IS NOT NULL
    JOIN pg_publication AS p ON p.oid = prpubid AND (pubupdate OR pubdelete)
  UNION ALL
    SELECT 'bytes', name, current_database() FROM parts
    WHERE oid = %(table)s AND getdatabaseencoding() = 'SQL_ASCII'
    ORDER BY 2, 1
"""
"""Reason, part of the table, and what of it."""

# Of extensions that spread a table's rows over others, which they make later too: the catalogue of each.
_SPREAD = {
    "_timescaledb_catalog.hypertable": """
        SELECT 'spread', schema_name || '.' || table_name, 'TimescaleDB' FROM _timescaledb_catalog.hypertable
        WHERE to_regclass(format('%%I.%%I', schema_name, table_name)) = %(table)s
    """,
    "pg_catalog.pg_dist_partition": """
        SELECT 'spread', n.nspname || '.' || c.relname, 'Citus' FROM pg_catalog.pg_dist_partition
        JOIN pg_class c ON c.oid = logicalrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = %(table)s
    """,
}

# As Postgres decides whether policies count for a role (check_enable_rls in rls.c).
_HIDDEN = """
    SELECT 'hidden', n.nspname || '.' || c.relname, quote_ident(rolname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_roles r ON rolname = ANY (%(roles)s)
    WHERE (c.oid = %(table)s OR c.oid IN (SELECT relid FROM pg_partition_tree(%(table)s)))
    AND relrowsecurity AND NOT rolsuper AND NOT rolbypassrls
    AND (relforcerowsecurity OR NOT pg_has_role(r.oid, relowner, 'USAGE'))
    ORDER BY 2, 3
"""

_REFUSES = "with REPLICA IDENTITY FULL, which views need, Postgres would refuse its UPDATE and DELETE"
# In brackets: what Postgres itself says.
_UNPUBLISHED = " (Replica identity must not contain unpublished generated columns)"
_WHAT = {
    "kind": "Postgres publishes no changes of {name} (This operation is not supported for {detail}s)",
    "parent": "{name} has tables that inherit from it, whose rows come under their own names: {detail}",
    "spread": "{name} is a table of {detail}, whose rows come under the names of tables that it makes, later ones too",
    "virtual": "{name} has virtual generated columns, {detail}: " + _REFUSES + _UNPUBLISHED,
    "stored": "{name} has generated columns, {detail}, and Postgres publishes them from version 18 on: "
    + _REFUSES
    + _UNPUBLISHED,
    "unpublished": "{name} has generated columns, which publication {detail} leaves out: " + _REFUSES + _UNPUBLISHED,
    "hidden": "row level security hides rows of {name} from role {detail}: they come as changes and cannot be read",
    "deferrable": "{name}: its primary key is DEFERRABLE, so rows may share a key for a while and a view lose one",
    "list": "{name} has a list of columns in publication {detail}: "
    + _REFUSES
    + " (Column list used by the publication does not cover the replica identity)",
    "bytes": "{name} is in database {detail} of encoding SQL_ASCII: one text that is no UTF-8 would stop the changes "
    'of all tables (invalid byte sequence for encoding "UTF8")',
}
_CURE = {
    "kind": "name an ordinary table (ALTER TABLE … SET LOGGED makes an unlogged one ordinary)",
    "parent": "name the tables that inherit, or make them partitions",
    "spread": "keep its rows in an ordinary or a partitioned table",
    "virtual": "make them STORED, which is published, or drop them and compute them in the view",
    "stored": "compute them in the view, and drop them or make them plain columns (ALTER TABLE … ALTER COLUMN … "
    "DROP EXPRESSION)",
    "unpublished": "ALTER PUBLICATION {detail} SET (publish_generated_columns = stored)",
    "hidden": "ALTER ROLE {detail} BYPASSRLS;",
    "deferrable": "make the key NOT DEFERRABLE: drop the constraint, add it again without it",
    "list": "publish the whole table there: ALTER PUBLICATION {detail} SET TABLE …",
    "bytes": "dump it with --encoding=UTF8 and restore it into CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0",
}


@dataclass(frozen=True)
class Unfit:
    """One thing that a table must not be or have, and what to do."""

    what: str
    cure: str


class RowsHidden(TerminalError):
    """A role does not see all rows of a table, and Postgres lets it read none."""

    def __init__(self, found: Unfit) -> None:
        super().__init__(f"{found.what}; {found.cure}")


def unfit(connection: Connection, table: int, *, ours: str) -> tuple[Unfit, ...]:
    """Say everything that makes a table unfit for a view.

    :param table: its oid.
    :param ours: the publication that is made as it must be.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FOUND, {"table": table, "publishes": PUBLISHES_GENERATED, "ours": ours})
        found = cursor.fetchall()
        if spread := list(_spread(cursor, table)):
            found = [*spread, *(each for each in found if each[0] != "parent")]
        cursor.execute("SELECT current_user::text")
        roles = [*connection.readers, *(name for (name,) in cursor.fetchall())]
        cursor.execute(_HIDDEN, {"table": table, "roles": roles})
        return tuple(_unfit(*each) for each in [*found, *cursor.fetchall()])


def _spread(cursor: Any, table: int) -> Iterator[tuple[str, str, str]]:
    for catalogue, query in _SPREAD.items():
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (catalogue,))
        if cursor.fetchone() == (True,):
            cursor.execute(query, {"table": table})
            yield from cursor.fetchall()


def refuse_hidden(connection: Connection, table: str, role: str) -> None:
    """Make sure that a role sees all rows of a table.

    :param table: `schema.table`.
    :raises RowsHidden: which names the cure.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)::oid", (quoted(table),))
        ((oid,),) = cursor.fetchall()
        cursor.execute(_HIDDEN, {"table": oid, "roles": [role]})
        if found := cursor.fetchone():
            raise RowsHidden(_unfit(*found))


def _unfit(reason: str, name: str, detail: str) -> Unfit:
    return Unfit(*(text.format(name=name, detail=detail) for text in (_WHAT[reason], _CURE[reason])))
