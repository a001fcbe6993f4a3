"""Which views are filled, and with which generation: kept beside their tables in Cassandra, as durable as the rows.

A fill belongs to one life of a table (its id), so a table that was dropped and made anew counts as empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from cassandra.cluster import Session
from penstock_views.declare import View

_TABLE = "view_fills"


def unfilled(session: Session, keyspace: str, views: Sequence[View], *, epoch: int) -> list[View]:
    """Return the views whose table has not been filled with their present generation."""
    _create(session, keyspace)
    rows = session.execute(f"SELECT name, table_id, generation FROM {keyspace}.{_TABLE}")  # noqa: S608 - names of ours
    filled = {(row["name"], row["table_id"]): row["generation"] for row in rows}
    ids = _ids(session, keyspace)
    return [view for view in views if filled.get((view.name, ids.get(view.name)), 0) < epoch + view.revision - 1]


def filled_views(session: Session, keyspace: str) -> frozenset[str]:
    """Return the names of the views that were ever filled; none when there is no keyspace yet."""
    known = session.cluster.metadata.keyspaces.get(keyspace)
    if known is None or _TABLE not in known.tables:
        return frozenset()
    rows = session.execute(f"SELECT name FROM {keyspace}.{_TABLE}")  # noqa: S608 - names of ours
    return frozenset(row["name"] for row in rows)


def mark_filled(session: Session, keyspace: str, views: Sequence[View], *, epoch: int) -> None:
    """Remember that the tables of these views hold everything."""
    _create(session, keyspace)
    insert = session.prepare(
        f"INSERT INTO {keyspace}.{_TABLE} "  # noqa: S608 - names of ours
        "(name, table_id, generation, filled_at) VALUES (?, ?, ?, ?)"
    )
    ids = _ids(session, keyspace)
    for view in views:
        session.execute(insert, (view.name, ids[view.name], epoch + view.revision - 1, datetime.now(UTC)))


def forget(session: Session, keyspace: str, view: str) -> None:
    """Forget what is known of a view."""
    _create(session, keyspace)
    session.execute(f"DELETE FROM {keyspace}.{_TABLE} WHERE name = %s", (view,))  # noqa: S608 - names of ours


def _create(session: Session, keyspace: str) -> None:
    session.execute(
        f"CREATE TABLE IF NOT EXISTS {keyspace}.{_TABLE} "
        "(name text PRIMARY KEY, table_id uuid, generation bigint, filled_at timestamp)"
    )


def _ids(session: Session, keyspace: str) -> Mapping[str, object]:
    rows = session.execute("SELECT table_name, id FROM system_schema.tables WHERE keyspace_name = %s", (keyspace,))
    return {row["table_name"]: row["id"] for row in rows}
