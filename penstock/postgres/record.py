"""State: what this installation knows of itself, one record in Postgres (schemas/postgres/070_state.sql).

It lies with the data that it speaks of. What other servers hold is compared with it, never guessed from it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2.extras import Json

from penstock.errors import TerminalError
from penstock.postgres.own import Connection

FORM = 1
"""The form of what is kept: schemas/postgres, this record, checkpoints, files of the state folder.

Raise it with each change of one of them: a clone with a lower one is refused from then on.
"""
_NOTED_FORM = "SELECT to_jsonb(noted) -> 'form' FROM penstock.installation AS noted"
_NOTE_FORM = "UPDATE penstock.installation SET form = %s WHERE form < %s"
_EPOCH = "SELECT epoch FROM penstock.installation"
# As JSON, since an earlier version has not made the column.
_PARTITIONS = "SELECT to_jsonb(noted) -> 'partitions' FROM penstock.installation AS noted"
_BEGIN = """
    INSERT INTO penstock.installation AS noted (epoch, partitions, form) VALUES (%s, %s, %s)
    ON CONFLICT (only_row) DO UPDATE SET partitions = coalesce(noted.partitions, excluded.partitions),
        form = greatest(noted.form, excluded.form)
"""
_RAISE = "UPDATE penstock.installation SET epoch = %s, partitions = %s WHERE epoch < %s"
_PAUSED = "SELECT view FROM penstock.paused_views"
_KNOWN = "SELECT table_name FROM penstock.known_tables"
_PAUSE = "INSERT INTO penstock.paused_views VALUES (%s) ON CONFLICT DO NOTHING"
_FORGET = "DELETE FROM penstock.{} WHERE view = %s"
_FILLS = "SELECT view, table_id::text, generation, source FROM penstock.view_fills"
_FILL = """
    INSERT INTO penstock.view_fills VALUES (%s, %s, %s, %s)
    ON CONFLICT (view) DO UPDATE SET table_id = excluded.table_id, generation = excluded.generation,
        source = excluded.source, filled_at = excluded.filled_at
"""
_STARTED_FILLS = """
    SELECT view, table_id::text, version, source, to_jsonb(started) -> 'progress'
    FROM penstock.view_fills_begun AS started
"""
_START_FILL = """
    INSERT INTO penstock.view_fills_begun VALUES (%s, %s, %s, %s)
    ON CONFLICT (view) DO UPDATE SET table_id = excluded.table_id, version = excluded.version,
        source = excluded.source, begun_at = excluded.begun_at, progress = NULL
"""
_PROGRESS = "UPDATE penstock.view_fills_begun SET progress = %s WHERE view = %s"


class RecordMissing(TerminalError):
    """The database has no place yet for what is to be noted."""

    def __init__(self) -> None:
        super().__init__("the database was not set up by this version yet: `penstock up`, then ask again")


class FormLater(TerminalError):
    """A later version has set the installation up: this one would put its own functions and files over those."""

    def __init__(self, noted: int) -> None:
        super().__init__(
            "nothing was changed: a later version of Penstock has set this installation up "
            f"(it keeps its state in form {noted}, this clone in form {FORM}).\n"
            "  What to do: run the command in a clone of that version, or of a later one"
        )


@dataclass(frozen=True)
class Record:
    """What the connectors are applied with.

    :param epoch: that the source stamps on each record; None before the first set-up.
    :param paused: the views that the sink leaves out.
    :param known: the tables that the source sends without a list.
    :param partitions: of a change topic, among which the source chooses; None before the first set-up.
    """

    epoch: int | None = None
    paused: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()
    partitions: int | None = None


@dataclass(frozen=True)
class Fill:
    """A table of a view that holds everything.

    :param table_id: its id in Cassandra.
    :param source: the identity of the source table; None if it had none.
    """

    table_id: str
    generation: int
    source: str | None


@dataclass(frozen=True)
class StartedFill:
    """A snapshot of a table that a fill began to write to a view.

    :param table_id: of the view's table in Cassandra.
    :param version: that its rows have.
    :param source: the identity of the source table; empty if it had none.
    :param progress: how far it has come, as `penstock.views.resume` writes it; None where it begins again.
    """

    table_id: str
    version: int
    source: str
    progress: Mapping[str, Any] | None = None


def read_record(connection: Connection) -> Record:
    """Return what the connectors are applied with."""
    noted = _read(connection, _PARTITIONS)
    partitions = noted[0][0] if noted else None
    return Record(read_epoch(connection), read_paused(connection), read_known(connection), partitions)


def read_epoch(connection: Connection) -> int | None:
    """Return the epoch; None before the first set-up."""
    found = _read(connection, _EPOCH)
    return int(found[0][0]) if found else None


def begin_record(connection: Connection, *, epoch: int, partitions: int) -> None:
    """Begin the record of an installation that has none; one of an earlier version lacks the partitions or the form."""
    _write(connection, _BEGIN, [(epoch, partitions, FORM)])


def refuse_later_form(connection: Connection) -> None:
    """Make sure that no later version has set the installation up.

    :raises FormLater: one has.
    """
    noted = _read(connection, _NOTED_FORM)
    if noted and (noted[0][0] or 0) > FORM:
        raise FormLater(noted[0][0])


def raise_form(connection: Connection) -> None:
    """Note the form of this version where an earlier one has set the installation up, before anything of it changes."""
    with suppress(RecordMissing):  # no version with a number was here
        _write(connection, _NOTE_FORM, [(FORM, FORM)])


def raise_epoch(connection: Connection, epoch: int, *, partitions: int) -> None:
    """Let a later epoch begin, in which the source chooses among so many partitions; it never falls."""
    _write(connection, _RAISE, [(epoch, partitions, epoch)])


def read_paused(connection: Connection) -> frozenset[str]:
    """Return the names of the paused views."""
    return frozenset(name for (name,) in _read(connection, _PAUSED))


def read_known(connection: Connection) -> frozenset[str]:
    """Return the names of the tables that the source sends; `publication.make_known` adds to them."""
    return frozenset(name for (name,) in _read(connection, _KNOWN))


def note_paused(connection: Connection, views: Collection[str], *, paused: bool = True) -> None:
    """Note that views are paused, or flow again."""
    _write(connection, _PAUSE if paused else _FORGET.format("paused_views"), [(view,) for view in sorted(views)])


def read_fills(connection: Connection) -> dict[str, Fill]:
    """Return by view which table was last filled."""
    return {view: Fill(*row) for view, *row in _read(connection, _FILLS)}


def note_fills(connection: Connection, fills: Mapping[str, Fill]) -> None:
    """Note which table of each view is filled."""
    _write(connection, _FILL, [(view, each.table_id, each.generation, each.source) for view, each in fills.items()])


def read_started_fills(connection: Connection) -> dict[str, StartedFill]:
    """Return by view which snapshot a fill last began to write."""
    return {view: StartedFill(*row) for view, *row in _read(connection, _STARTED_FILLS)}


def note_started_fills(connection: Connection, fills: Mapping[str, StartedFill]) -> None:
    """Note which snapshot a fill begins to write to each view."""
    _write(connection, _START_FILL, [(view, each.table_id, each.version, each.source) for view, each in fills.items()])


def note_progress(connection: Connection, views: Collection[str], progress: Mapping[str, Any] | None) -> None:
    """Note how far the fill has come that last began to write to these views; None lets the next begin again."""
    noted = None if progress is None else Json(progress)
    _write(connection, _PROGRESS, [(noted, view) for view in sorted(views)])


def forget_views(connection: Connection, views: Collection[str]) -> None:
    """Forget what is known of views that are dropped."""
    for table in ("view_fills", "view_fills_begun", "paused_views"):
        _write(connection, _FORGET.format(table), [(view,) for view in views])


def _read(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    """Return the rows; none before the first set-up."""
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(connection.own(query))
            return list(cursor.fetchall())
    except psycopg2.errors.UndefinedTable:
        return []


def _write(connection: Connection, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
    """Write all of them, or none.

    :raises RecordMissing: before the first set-up.
    """
    try:
        with connection, connection.cursor() as cursor:
            cursor.executemany(connection.own(statement), list(rows))
    except (psycopg2.errors.UndefinedTable, psycopg2.errors.UndefinedColumn) as exc:
        raise RecordMissing from exc
