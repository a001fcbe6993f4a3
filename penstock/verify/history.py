"""Compares a history for `verify`: for each key the row of its newest entry, and whether its entries are a chain.

Both sides are one row a key. The expected row says what Postgres holds, the actual one what the newest entry
holds. It also says where in the timeline an entry's `before` is not the `after` of the entry before it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from itertools import groupby
from typing import Any

from cassandra.cluster import Session

from penstock.cassandra.session import our_errors
from penstock.cassandra.table import ViewTable
from penstock.contract import ROW_VERSION, VERSION
from penstock.project.shapes import ViewShape
from penstock.verify.canonical import canonical_key
from penstock.verify.model import OnAbsence, Row, ignore_absence

Columns = tuple[Collection[str], Collection[str]]
"""The names of the columns of a history's rows, and of those among them that hold numbers."""

NEWEST = "newest entry"
TIMELINE = "timeline of entries"
"""What a row has beside its key: no column of a view can have these names."""

WHOLE = "whole"


def history_shape(name: str, key: Sequence[str]) -> ViewShape:
    """Say what is compared of a history: one row a key."""
    return ViewShape(name, tuple(key), (*key, NEWEST, TIMELINE))


class HistoryRows:
    """A :class:`penstock.verify.model.RowSource` over the entries of a history in Cassandra."""

    def __init__(self, session: Session, *, keyspace: str, columns: Callable[[ViewShape], Columns]) -> None:
        """Read a keyspace.

        :param columns: says which columns the rows of a view have now, and which of them are numbers.
        """
        self._session = session
        self._keyspace = keyspace
        self._columns = columns

    def scan(self, view: ViewShape, on_absence: OnAbsence = ignore_absence) -> Iterator[Row]:  # noqa: ARG002
        """Return a row for each key that has an entry and is not deleted, or whose timeline is broken."""
        with our_errors(f"{self._keyspace}.{view.name}"):
            yield from summaries(view.key, self._table(view).scan(), *self._columns(view))

    def pick(self, view: ViewShape, keys: Sequence[Row]) -> Iterator[Row]:
        """Return the rows of these keys."""
        with our_errors(f"{self._keyspace}.{view.name}"):
            yield from summaries(view.key, self._table(view).pick_partitions(keys), *self._columns(view))

    def _table(self, view: ViewShape) -> ViewTable:
        return ViewTable(self._session, keyspace=self._keyspace, name=view.name)


def summaries(
    key: Sequence[str], entries: Iterable[Mapping[str, Any]], names: Collection[str], numbers: Collection[str] = ()
) -> Iterator[Row]:
    """Sum up each key's entries as one row.

    :param entries: those of one key together, newest first, as the table clusters them.
    :param names: the columns that the rows have now; of a dropped one the newest entry may still have a value.
    :param numbers: those of them that hold numbers; an earlier version wrote some as text.
    """
    for _, of_key in groupby(entries, lambda entry: canonical_key(entry, key)):
        newest, *older = of_key
        timeline = _check([newest, *older], names, numbers)
        if newest["after"] is not None or timeline != WHOLE:
            row = {name: newest[name] for name in key}
            after = normal(newest["after"], names, numbers)
            yield row | {NEWEST: after, TIMELINE: timeline, ROW_VERSION: newest[ROW_VERSION]}


def normal(text: str | None, names: Collection[str] | None = None, numbers: Collection[str] = ()) -> str | None:
    """Write the JSON of a row so that equal contents are equal texts.

    In the order of the names, and without NULLs: a column that was dropped, or not there yet, is a NULL as well.

    :param names: only these columns.
    :param numbers: the columns in which a text of digits is a number.
    """
    if text is None:
        return None
    columns = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    kept = sorted(columns if names is None else columns.keys() & names)
    values = {name: _number(columns[name]) if name in numbers else columns[name] for name in kept}
    return json.dumps({name: _plain(value) for name, value in values.items() if value is not None})


def _check(entries: Sequence[Mapping[str, Any]], names: Collection[str], numbers: Collection[str]) -> str:
    for entry, previous in zip(entries, [*entries[1:], None], strict=True):
        # A read of the table (`r`) begins again: it says what the row is, not what it was.
        if entry["op"] == "r" or (previous is None and entry["before"] is not None):
            continue
        # Nor does what another revision of the function wrote go on where this one began.
        if previous is not None and _revisions(entry) != _revisions(previous):
            continue
        if not _continues(previous["after"] if previous else None, entry["before"], names, numbers):
            return f"before of version {entry['version']} is not the after of the entry before it"
    return WHOLE


def _revisions(entry: Mapping[str, Any]) -> int:
    """Tell the revisions apart that wrote entries: their versions are the same, and those of the writes are not."""
    return int((entry[ROW_VERSION] or 0) - entry[VERSION])


def _continues(after: str | None, before: str | None, names: Collection[str], numbers: Collection[str]) -> bool:
    """Return whether an entry goes on where the one before it ended.

    A column that only one of them knows, or that is gone now, was added or dropped, which changes rows without a change
    event.
    """
    if after is None or before is None:
        return after is before
    known = json.loads(after).keys() & json.loads(before).keys() & frozenset(names)
    return normal(after, known, numbers) == normal(before, known, numbers)


def _number(value: Any) -> Any:
    if isinstance(value, list):
        return [_number(of) for of in value]
    try:
        return Decimal(value) if isinstance(value, str) else value
    except InvalidOperation:  # the column was one of text then
        return value


def _plain(value: Any) -> Any:
    match value:
        case bool():
            return value
        case Decimal():
            text = f"{value:f}"
            return text.rstrip("0").rstrip(".") if "." in text else text
        case dict():
            return {name: _plain(of) for name, of in value.items()}
        case list():
            return [_plain(of) for of in value]
    return value
