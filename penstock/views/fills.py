"""Which views are filled, and with which generation: kept beside their tables in Cassandra, as durable as the rows.

A fill belongs to one life of a table (its id), so a table that was dropped and made anew counts as empty. And it was
made from one life of the source table (lives.py), so a view of a table that went and came back counts as unfilled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cassandra.cluster import Session
from penstock_views.declare import View

from penstock.views.lives import Life, Lives

_TABLE = "view_fills"
_BEGUN = "view_fills_begun"


@dataclass(frozen=True)
class Replaced:
    """A view that was filled from a table that is another one now, or was away.

    :param why: for people.
    """

    view: View
    why: str


def unfilled(session: Session, keyspace: str, views: Sequence[View], *, epoch: int, lives: Lives) -> list[View]:
    """Return the views whose table has not been filled with their present generation, from what their source is now."""
    _create(session, keyspace)
    rows = session.execute(f"SELECT name, table_id, generation FROM {keyspace}.{_TABLE}")  # noqa: S608 - names of ours
    filled = {(row["name"], row["table_id"]): row["generation"] for row in rows}
    ids = _ids(session, keyspace)
    old = {each.view.name for each in replaced(session, keyspace, views, lives=lives)}
    return [
        view
        for view in views
        if view.name in old or filled.get((view.name, ids.get(view.name)), 0) < epoch + view.revision - 1
    ]


def lost(session: Session, keyspace: str, views: Sequence[View]) -> dict[str, str]:
    """Say of each of these views, which were filled once, why Cassandra no longer has their rows; this only reads."""
    ids = _ids(session, keyspace)
    filled = {}
    if _TABLE in ids:
        rows = session.execute(f"SELECT name, table_id FROM {keyspace}.{_TABLE}")  # noqa: S608 - names of ours
        filled = {row["name"]: row["table_id"] for row in rows}
    found = {}
    for view in views:
        if view.name not in ids:
            found[view.name] = f"table {keyspace}.{view.name} is gone from Cassandra"
        elif filled.get(view.name) != ids[view.name]:
            found[view.name] = f"table {keyspace}.{view.name} was made anew in Cassandra and not filled"
    return found


def replaced(session: Session, keyspace: str, views: Sequence[View], *, lives: Lives) -> list[Replaced]:
    """Return the views that were filled from another table than stands behind its name now."""
    sources = _sources(session, keyspace)
    return [Replaced(view, why) for view in views for why in _why(lives.get(view.table), sources.get(view.name))]


def _why(life: Life | None, source: str | None) -> Iterator[str]:
    # A fill of before an upgrade has no source, and a table that was never published no life.
    if life is not None and source is not None and not life.is_of(source):
        yield life.why_not(source)


def take_over(session: Session, keyspace: str, views: Sequence[View], *, lives: Lives) -> None:
    """Let the fills of an earlier version, which did not say from what they were made, be of what is there now."""
    _create(session, keyspace)
    known = _sources(session, keyspace)
    for view in views:
        if view.name in known and known[view.name] is None and view.table in lives:
            session.execute(
                f"UPDATE {keyspace}.{_TABLE} SET source = %s WHERE name = %s",  # noqa: S608 - names of ours
                (lives[view.table].source, view.name),
            )


def filled_views(session: Session, keyspace: str) -> frozenset[str]:
    """Return the names of the views that were ever filled; none when there is no keyspace yet."""
    return frozenset(_sources(session, keyspace))


def mark_filled(session: Session, keyspace: str, views: Sequence[View], *, epoch: int, lives: Lives) -> None:
    """Remember that the tables of these views hold everything.

    :param lives: of their source tables, as they were before the reading began.
    """
    _create(session, keyspace)
    insert = session.prepare(
        f"INSERT INTO {keyspace}.{_TABLE} "  # noqa: S608 - names of ours
        "(name, table_id, generation, filled_at, source) VALUES (?, ?, ?, ?, ?)"
    )
    ids = _ids(session, keyspace)
    for view in views:
        source = lives[view.table].source if view.table in lives else None
        generation = epoch + view.revision - 1
        session.execute(insert, (view.name, ids[view.name], generation, datetime.now(UTC), source))


@dataclass(frozen=True)
class Begun:
    """A snapshot of a table that a fill began to write to a view.

    :param version: that its rows have.
    :param source: the life of the table; empty if it had none.
    """

    version: int
    source: str


def note_begun(session: Session, keyspace: str, begun: Mapping[str, Begun]) -> None:
    """Remember with which version a snapshot is written to each of these views; before the first row is.

    A fill that is cut off leaves rows of its version, and the next may have the very same.
    """
    _create(session, keyspace)
    insert = session.prepare(
        f"INSERT INTO {keyspace}.{_BEGUN} (name, table_id, version, source) VALUES (?, ?, ?, ?)"  # noqa: S608 - ours
    )
    ids = _ids(session, keyspace)
    for name, each in begun.items():
        session.execute(insert, (name, ids[name], each.version, each.source))


def begun_fills(session: Session, keyspace: str) -> dict[str, Begun]:
    """Return the fills that last began to write to the tables that the views have now."""
    ids = _ids(session, keyspace)
    if _BEGUN not in ids:
        return {}
    rows = session.execute(f"SELECT * FROM {keyspace}.{_BEGUN}")  # noqa: S608 - names of ours
    return {
        row["name"]: Begun(row["version"], row["source"]) for row in rows if row["table_id"] == ids.get(row["name"])
    }


def forget(session: Session, keyspace: str, view: str) -> None:
    """Forget what is known of a view."""
    _create(session, keyspace)
    for table in (_TABLE, _BEGUN):
        session.execute(f"DELETE FROM {keyspace}.{table} WHERE name = %s", (view,))  # noqa: S608 - names of ours


def _create(session: Session, keyspace: str) -> None:
    session.execute(
        f"CREATE TABLE IF NOT EXISTS {keyspace}.{_TABLE} "
        "(name text PRIMARY KEY, table_id uuid, generation bigint, filled_at timestamp, source text)"
    )
    session.execute(
        f"CREATE TABLE IF NOT EXISTS {keyspace}.{_BEGUN} "
        "(name text PRIMARY KEY, table_id uuid, version bigint, source text)"
    )
    # One of an earlier version lacks it.
    session.execute(f"ALTER TABLE {keyspace}.{_TABLE} ADD IF NOT EXISTS source text")


def _sources(session: Session, keyspace: str) -> Mapping[str, str | None]:
    """Return from what each view was filled; this only reads, also what an earlier version wrote."""
    if _TABLE not in _ids(session, keyspace):
        return {}
    rows = session.execute(f"SELECT * FROM {keyspace}.{_TABLE}")  # noqa: S608 - names of ours
    return {row["name"]: row.get("source") for row in rows}


def _ids(session: Session, keyspace: str) -> Mapping[str, object]:
    rows = session.execute("SELECT table_name, id FROM system_schema.tables WHERE keyspace_name = %s", (keyspace,))
    return {row["table_name"]: row["id"] for row in rows}
