"""Finds which views are filled, and with which generation: the record in Postgres, held against Cassandra's tables.

A fill belongs to one table in Cassandra (by its id), so a table that was dropped and made again counts as empty.
And it was made from one source table (identities.py), so a view of a table that went and came back is unfilled.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from cassandra.cluster import Session

from penstock.cassandra.session import open_session
from penstock.cassandra.table import table_ids
from penstock.config import Config
from penstock.pipeline.identities import Identities, Identity
from penstock.pipeline.stalled import forget_missed
from penstock.postgres.connection import connect
from penstock.postgres.record import (
    Fill,
    StartedFill,
    note_fills,
    note_progress,
    note_started_fills,
    read_fills,
    read_started_fills,
)
from penstock.project.generation import generation_of

if TYPE_CHECKING:
    from penstock_views.declaration.views import View  # `status` loads no PySpark


class OfTable(Protocol):
    """A view, loaded or only declared."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def table(self) -> str:
        """The table that it is made of."""
        ...


_T = TypeVar("_T")
_V = TypeVar("_V", bound=OfTable)
_FORMER, _FORMER_STARTED = "view_fills", "view_fills_begun"


@dataclass(frozen=True)
class Replaced(Generic[_V]):
    """A view that was filled from a table that is another one now, or was away.

    :param why: for people.
    """

    view: _V
    why: str


def unfilled(
    config: Config, views: Sequence[View], *, ids: Mapping[str, str], epoch: int, identities: Identities
) -> list[View]:
    """Return the views whose table has not been filled with their present generation, from what their source is now.

    :param ids: of the tables in Cassandra.
    """
    fills = _fills(config)
    return [
        view
        for view in views
        if not _is_filled(fills.get(view.name), ids.get(view.name), generation_of(view, epoch=epoch))
        or any(_why(identities.get(view.table), fills.get(view.name)))
    ]


def lost(config: Config, views: Sequence[OfTable]) -> dict[str, str]:
    """Say of each of these views, which were filled once, why Cassandra no longer has their rows; this only reads."""
    fills, ids, keyspace, found = _fills(config), ids_in_cassandra(config), config.names.keyspace, {}
    for view in views:
        if view.name not in ids:
            found[view.name] = f"table {keyspace}.{view.name} is gone from Cassandra"
        elif not _is_filled(fills.get(view.name), ids[view.name]):
            found[view.name] = f"table {keyspace}.{view.name} was made again in Cassandra and not filled"
    return found


def _is_filled(fill: Fill | None, table_id: str | None, generation: int = 0) -> bool:
    return fill is not None and fill.table_id == table_id and fill.generation >= generation


def replaced(config: Config, views: Sequence[_V], *, identities: Identities) -> list[Replaced[_V]]:
    """Return the views that were filled from another table than stands behind its name now."""
    fills = _fills(config)
    return [Replaced(view, why) for view in views for why in _why(identities.get(view.table), fills.get(view.name))]


def _why(identity: Identity | None, fill: Fill | None) -> Iterator[str]:
    # A table that was never published has no identity, and a fill from it no source.
    if identity is not None and fill is not None and fill.source is not None and not identity.is_of(fill.source):
        yield identity.why_not(fill.source)


def filled_views(config: Config) -> frozenset[str]:
    """Return the names of the views that were ever filled.

    :raises PostgresUnreachable: when nobody answers.
    """
    return frozenset(_fills(config))


def mark_filled(config: Config, views: Sequence[View], *, epoch: int, identities: Identities) -> None:
    """Remember that the tables of these views hold everything.

    :param identities: of their source tables, as they were before the reading began.
    """
    if not views:
        return
    ids = ids_in_cassandra(config)
    fills = {
        view.name: Fill(ids[view.name], generation_of(view, epoch=epoch), _source(identities, view.table))
        for view in views
    }
    with connect(config) as connection:
        note_fills(connection, fills)
    forget_missed(config, fills)


def mark_started(config: Config, versions: Mapping[str, int], identity: Identity | None) -> None:
    """Remember with which version a snapshot of that table is written to each of these views; before the first row is.

    A fill that is cut off leaves rows of its version, and the next may have the very same.
    """
    ids, source = ids_in_cassandra(config), "" if identity is None else identity.source
    with connect(config) as connection:
        note_started_fills(
            connection, {name: StartedFill(ids[name], version, source) for name, version in versions.items()}
        )


def mark_progress(config: Config, views: Collection[str], progress: Mapping[str, Any] | None) -> None:
    """Remember how far the fill of these views has come; None lets the next one begin again."""
    with connect(config) as connection:
        note_progress(connection, views, progress)


def started_fills(config: Config, ids: Mapping[str, str]) -> dict[str, StartedFill]:
    """Return the fills that last began to write to the tables that the views have now, by their ids in Cassandra."""
    with connect(config) as connection:
        found = read_started_fills(connection)
    return {name: started for name, started in found.items() if started.table_id == ids.get(name)}


def take_over(config: Config, views: Sequence[View], *, identities: Identities) -> None:
    """Note what an earlier version kept in Cassandra, and remove it there; what is known since stays.

    Still older ones did not say from what they had filled: it counts as what is there now.
    """
    keyspace, tables = config.names.keyspace, {view.name: view.table for view in views}
    with open_session(config) as session, connect(config) as connection:
        fills = {
            name: Fill(
                str(row["table_id"]), row["generation"], row.get("source") or _source(identities, tables.get(name, ""))
            )
            for name, row in _former(session, keyspace, _FORMER).items()
        }
        started = {
            name: StartedFill(str(row["table_id"]), row["version"], row["source"])
            for name, row in _former(session, keyspace, _FORMER_STARTED).items()
        }
        note_fills(connection, _unknown(fills, read_fills(connection)))
        note_started_fills(connection, _unknown(started, read_started_fills(connection)))
        for name in (_FORMER, _FORMER_STARTED):
            session.execute(f"DROP TABLE IF EXISTS {keyspace}.{name}")


def _unknown(former: Mapping[str, _T], known: Mapping[str, _T]) -> dict[str, _T]:
    return {name: each for name, each in former.items() if name not in known}


def _former(session: Session, keyspace: str, name: str) -> dict[str, dict[str, Any]]:
    if name not in table_ids(session, keyspace):
        return {}
    return {row["name"]: row for row in session.execute(f"SELECT * FROM {keyspace}.{name}")}  # noqa: S608 - ours


def _source(identities: Identities, table: str) -> str | None:
    return identities[table].source if table in identities else None


def _fills(config: Config) -> dict[str, Fill]:
    with connect(config) as connection:
        return read_fills(connection)


def ids_in_cassandra(config: Config) -> dict[str, str]:
    """Return the id of each table that is there now."""
    with open_session(config) as session:
        return table_ids(session, config.names.keyspace)
