"""Follows one row through every store: Postgres, the change topic, each view's topic and its table in Cassandra."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from penstock.console.hub import Hub
from penstock.console.records.lookup import Trace
from penstock.console.records.records import RecordView
from penstock.console.service.source_row import SourceRow, ValueUnfit, read_source_row
from penstock.console.service.stores import (
    BY_NAME,
    Compared,
    Store,
    change_store,
    key_columns,
    postgres_store,
    trace_in,
    view_stores,
)
from penstock.console.service.verdict import Step, steps_of, verdict_on
from penstock.contract import CONNECT_ERRORS
from penstock.errors import TerminalError
from penstock.keys.text import KeyTextInvalid, read_key, write_key
from penstock.keys.values import postgres_text
from penstock.names import postgres_name
from penstock.project.declared import DeclaredView
from penstock.project.held import Held

_ORIGIN = f"{CONNECT_ERRORS}topic"
_CHANGES = 5
_BUDGET_S = 4.0


class TableNotFollowed(TerminalError):
    """No view reads this table."""

    def __init__(self, table: str, known: tuple[str, ...]) -> None:
        super().__init__(f"no view reads a table {table!r}; those that can be followed: {', '.join(known) or 'none'}")


class KeyUnknown(TerminalError):
    """Nobody knows what names a row of the table."""

    def __init__(self, table: str) -> None:
        super().__init__(f"the primary key of {table} is not known: it has none, or Postgres was not seen yet")


class KeyInvalid(TerminalError):
    """The key does not name a row of the table."""

    def __init__(self, table: str, columns: tuple[str, ...], problem: str) -> None:
        super().__init__(
            f"{problem}; the key of {table} is {', '.join(columns)}" + (" (with commas)" if len(columns) > 1 else "")
        )


@dataclass(frozen=True)
class Followed:
    """The row in every store, the verdict in words, and how long its newest change took."""

    table: str
    key: dict[str, str]
    verdict: str
    is_well: bool
    stores: tuple[Store, ...]
    steps: tuple[Step, ...]
    changes: tuple[RecordView, ...]
    dead_letters: int
    looked_at: int
    of: int


def follow(hub: Hub, *, table: str, key: str) -> Followed:
    """Follow one row.

    :param table: `schema.table`; of a further source `source:schema.table`.
    :param key: its primary key as one text (penstock/keys/text.py).
    :raises TableNotFollowed: no view reads it.
    :raises KeyUnknown: nobody knows the key of it.
    :raises KeyInvalid: that is no key of the table.
    """
    declared = hub.now.snapshot.known
    views = declared.views_of(table)
    if not views:
        raise TableNotFollowed(table, declared.tables)
    source = _read_source(hub, table, key)
    changes = trace_in(hub, views[0].source_topic, source, count=_CHANGES, budget_s=_BUDGET_S)
    raw = Compared(source.value, changes if isinstance(changes, Trace) else Trace(), source.types)
    records: list[RecordView] = []
    of_views = [store for view in views for store in view_stores(hub, view, source, raw, records)]
    change = change_store(views[0].source_topic, source, changes, raw)
    if change.state == "missing" and any(store.state == "same" for store in of_views):
        change = replace(change, state="same", note="no change of it is kept: a fill read the row")
    stores = [postgres_store(source, raw), change, *of_views]
    letters = _dead_letters(hub, views, source)
    verdict, is_well = verdict_on(stores, letters)
    masked = tuple(_masked(hub, store) for store in stores)
    return Followed(
        table,
        dict(source.key),
        verdict,
        is_well,
        masked,
        steps_of(raw.changes.newest, records),
        raw.changes.records,
        letters,
        raw.changes.looked_at,
        raw.changes.of,
    )


def _read_source(hub: Hub, table: str, key: str) -> SourceRow:
    names = hub.now.snapshot.source_key(table)
    if not names:
        raise KeyUnknown(table)
    name, of_table = hub.config.source_table(table)
    config = hub.config.of_source(name)
    try:
        return read_source_row(
            config.reading.database.dsn,
            of_table,
            _read_key(table, names, key),
            types=hub.now.snapshot.key_types(table),
            excluded=config.excluded,
            hashed=config.hashed,
        )
    except ValueUnfit as exc:
        raise KeyInvalid(table, names, str(exc)) from exc


def key_in(hub: Hub, table: str, values: Mapping[str, Any], held: Held = BY_NAME) -> str | None:
    """Write the key of a source row as one text, from a record or row that has its values; None when it lacks some.

    :param held: which columns of the table the values are of.
    """
    types = hub.now.snapshot.key_types(table)
    named = {column: value for name, value in values.items() if (column := held.by(name)) is not None}
    if not types or not types.keys() <= named.keys():
        return None
    return write_key([postgres_text(sql_type, named[name]) for name, sql_type in types.items()])


def _read_key(table: str, names: tuple[str, ...], text: str) -> dict[str, str]:
    try:
        return dict(zip(names, read_key(text, len(names)), strict=True))
    except KeyTextInvalid as exc:
        raise KeyInvalid(table, names, str(exc)) from exc


def _dead_letters(hub: Hub, views: Sequence[DeclaredView], source: SourceRow) -> int:
    of_changes, of_sink = hub.config.names.dead_letter_topics
    changes = trace_in(hub, of_changes, source, count=100, budget_s=1.0)
    return _count(changes) + sum(
        _count(trace_in(hub, of_sink, source, count=100, budget_s=1.0, columns=dict(columns)), topics)
        for columns, topics in _by_columns(views, source).items()
    )


def _by_columns(views: Sequence[DeclaredView], source: SourceRow) -> dict[tuple[tuple[str, str], ...], set[str]]:
    """Return the topics of the views by the columns that hold the primary key there: mostly these are the same."""
    found: dict[tuple[tuple[str, str], ...], set[str]] = {}
    for view in views:
        if columns := key_columns(view.held, view.key, source):
            found.setdefault(tuple(sorted(columns.items())), set()).add(view.topic)
    return found


def _count(trace: Trace | str, origins: Collection[str] = ()) -> int:
    """Count the records of a trace, of these topics only where some are given."""
    records = trace.records if isinstance(trace, Trace) else ()
    return sum(not origins or record.headers.get(_ORIGIN) in origins for record in records)


def _masked(hub: Hub, store: Store) -> Store:
    if store.value is None:
        return store
    # Postgres' row has its own names already; they would be taken for what they look like.
    named = {name if store.kind == "postgres" else postgres_name(name): each for name, each in store.value.items()}
    return replace(store, value=hub.mask.hide(named))
