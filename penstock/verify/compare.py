"""Compare rows by content: a whole view in bounded memory, or a few keys in full. Pure: no database, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.verify.canonical import canonical_key, canonical_value, digest
from penstock.verify.model import ROW_VERSION, ColumnDifference, Difference, Kind, Row, ViewShape


@dataclass(frozen=True)
class Scan:
    """The outcome of a whole comparison: how many rows each side has and which keys to look at again."""

    expected_rows: int
    actual_rows: int
    suspects: dict[bytes, Kind]


def scan(view: ViewShape, *, expected: Iterable[Row], actual: Iterable[Row]) -> Scan:
    """Compare all rows; per expected row only its key and a 16-byte digest are held."""
    digests = {canonical_key(row, view.key): digest(row, view.columns) for row in expected}
    expected_rows, actual_rows = len(digests), 0
    suspects: dict[bytes, Kind] = {}
    for row in actual:
        actual_rows += 1
        key = canonical_key(row, view.key)
        wanted = digests.pop(key, None)
        if wanted is None:
            suspects[key] = Kind.EXTRA
        elif wanted != digest(row, view.columns) or row[ROW_VERSION] is None:
            suspects[key] = Kind.DIFFERENT
    suspects.update(dict.fromkeys(digests, Kind.MISSING))
    return Scan(expected_rows, actual_rows, suspects)


def compare_rows(
    view: ViewShape, *, expected: Iterable[Row], actual: Iterable[Row]
) -> Iterator[tuple[bytes, Difference]]:
    """Compare a few rows in full; return the differences by canonical key."""
    wanted = {canonical_key(row, view.key): row for row in expected}
    found = {canonical_key(row, view.key): row for row in actual}
    for key in sorted(wanted.keys() | found.keys()):
        difference = _difference(view, wanted.get(key), found.get(key))
        if difference is not None:
            yield key, difference


def _difference(view: ViewShape, expected: Row | None, actual: Row | None) -> Difference | None:
    if actual is None:
        return Difference(Kind.MISSING, _key(view, expected or {}))
    if expected is None:
        return Difference(Kind.EXTRA, _key(view, actual), row_version=actual[ROW_VERSION])
    columns = tuple(_column_differences(view.columns, expected, actual))
    return Difference(Kind.DIFFERENT, _key(view, actual), columns, actual[ROW_VERSION]) if columns else None


def _column_differences(columns: Sequence[str], expected: Row, actual: Row) -> Iterator[ColumnDifference]:
    for column in columns:
        if canonical_value(expected[column], column=column) != canonical_value(actual[column], column=column):
            yield ColumnDifference(column, _text(expected[column]), _text(actual[column]))
    if actual[ROW_VERSION] is None:
        yield ColumnDifference(ROW_VERSION, "never null", None)


def _key(view: ViewShape, row: Mapping[str, Any]) -> dict[str, str]:
    return {column: _text(row[column]) or "null" for column in view.key}


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
