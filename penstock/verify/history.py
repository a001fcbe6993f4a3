"""Compares a history for `verify`: for each key the row of its newest entry, and whether its entries are a chain.

Both sides are one row a key. The expected row says what Postgres holds, the actual one what the newest entry
holds. It also says where in the timeline an entry's `before` is not the `after` of the entry before it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

from cassandra.cluster import Session

from penstock.cassandra.session import our_errors
from penstock.cassandra.table import ViewTable
from penstock.contract import ROW_VERSION, VERSION
from penstock.project.shapes import ViewShape
from penstock.verify.canonical import canonical_key
from penstock.verify.model import OnAbsence, Row, ignore_absence

NEWEST = "newest"
TIMELINE = "timeline"
WHOLE = "whole"


def history_shape(name: str, key: Sequence[str]) -> ViewShape:
    """Say what is compared of a history: one row a key."""
    return ViewShape(name, tuple(key), (*key, NEWEST, TIMELINE))


class HistoryRows:
    """A :class:`penstock.verify.model.RowSource` over the entries of a history in Cassandra."""

    def __init__(self, session: Session, *, keyspace: str, names: Callable[[ViewShape], Collection[str]]) -> None:
        """Read a keyspace.

        :param names: says which columns the rows of a view have now.
        """
        self._session = session
        self._keyspace = keyspace
        self._names = names

    def scan(self, view: ViewShape, on_absence: OnAbsence = ignore_absence) -> Iterator[Row]:  # noqa: ARG002
        """Return a row for each key that has an entry and is not deleted, or whose timeline is broken."""
        with our_errors(f"{self._keyspace}.{view.name}"):
            yield from summaries(view.key, self._table(view).scan(), self._names(view))

    def pick(self, view: ViewShape, keys: Sequence[Row]) -> Iterator[Row]:
        """Return the rows of these keys."""
        with our_errors(f"{self._keyspace}.{view.name}"):
            yield from summaries(view.key, self._table(view).pick_partitions(keys), self._names(view))

    def _table(self, view: ViewShape) -> ViewTable:
        return ViewTable(self._session, keyspace=self._keyspace, name=view.name)


def summaries(key: Sequence[str], entries: Iterable[Mapping[str, Any]], names: Collection[str]) -> Iterator[Row]:
    """Sum up each key's entries as one row.

    :param entries: those of one key together, newest first, as the table clusters them.
    :param names: the columns that the rows have now; of a dropped one the newest entry may still have a value.
    """
    for _, of_key in groupby(entries, lambda entry: canonical_key(entry, key)):
        newest, *older = of_key
        timeline = _check([newest, *older], names)
        if newest["after"] is not None or timeline != WHOLE:
            row = {name: newest[name] for name in key}
            yield row | {NEWEST: normal(newest["after"], names), TIMELINE: timeline, ROW_VERSION: newest[ROW_VERSION]}


def normal(text: str | None, names: Collection[str] | None = None) -> str | None:
    """Write the JSON of a row so that equal contents are equal texts.

    In the order of the names, and without NULLs: a column that was dropped, or not there yet, is a NULL as well.

    :param names: only these columns.
    """
    if text is None:
        return None
    columns = json.loads(text, parse_float=Decimal)
    kept = sorted(columns if names is None else columns.keys() & names)
    return json.dumps({name: _plain(columns[name]) for name in kept if columns[name] is not None})


def _check(entries: Sequence[Mapping[str, Any]], names: Collection[str]) -> str:
    for entry, previous in zip(entries, [*entries[1:], None], strict=True):
        # A read of the table (`r`) begins again: it says what the row is, not what it was.
        if entry["op"] == "r" or (previous is None and entry["before"] is not None):
            continue
        # Nor does what another revision of the function wrote go on where this one began.
        if previous is not None and _revisions(entry) != _revisions(previous):
            continue
        if not _continues(previous["after"] if previous else None, entry["before"], names):
            return f"before of version {entry['version']} is not the after of the entry before it"
    return WHOLE


def _revisions(entry: Mapping[str, Any]) -> int:
    """Tell the revisions apart that wrote entries: their versions are the same, and those of the writes are not."""
    return int((entry[ROW_VERSION] or 0) - entry[VERSION])


def _continues(after: str | None, before: str | None, names: Collection[str]) -> bool:
    """Return whether an entry goes on where the one before it ended.

    A column that only one of them knows, or that is gone now, was added or dropped, which changes rows without a change
    event.
    """
    if after is None or before is None:
        return after is before
    known = json.loads(after).keys() & json.loads(before).keys() & frozenset(names)
    return normal(after, known) == normal(before, known)


def _plain(value: Any) -> Any:
    match value:
        case bool():
            return value
        case Decimal() | int():
            text = f"{Decimal(value):f}"
            return text.rstrip("0").rstrip(".") if "." in text else text
        case dict():
            return {name: _plain(of) for name, of in value.items()}
        case list():
            return [_plain(of) for of in value]
    return value
