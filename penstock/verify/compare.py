"""Compare rows by content: a whole view in bounded memory, or a few keys in full. Pure: no database, no clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.contract import ROW_VERSION
from penstock.project.shapes import ViewShape
from penstock.verify.canonical import canonical_key, canonical_value, digest
from penstock.verify.model import ColumnDifference, Difference, Kind, Row

Ceiling = Callable[[], int]
"""Returns the highest version that any row can have by now; one above it would outlive every later change."""


@dataclass(frozen=True)
class Scan:
    """The outcome of a whole comparison: how many rows each side has and which keys to look at again."""

    expected_rows: int
    actual_rows: int
    suspects: dict[bytes, Kind]


def scan(view: ViewShape, *, expected: Iterable[Row], actual: Iterable[Row], ceiling: Ceiling) -> Scan:
    """Compare all rows; per expected key only the key and a 16-byte digest are held."""
    digests, twins = _digests(view, expected)
    expected_rows, actual_rows = len(digests) + sum(twins.values()), 0
    suspects: dict[bytes, Kind] = {}
    highest, above = ceiling(), {}
    for row in actual:
        actual_rows += 1
        key = canonical_key(row, view.key)
        wanted, version = digests.pop(key, None), row[ROW_VERSION]
        if wanted is None:
            suspects[key] = Kind.EXTRA
        elif wanted != digest(row, view.columns) or version is None or key in twins:
            suspects[key] = Kind.DIFFERENT
        elif version > highest:
            above[key] = version
    # Those that were written since the comparison began are no suspects.
    highest = ceiling() if above else highest
    suspects.update({key: Kind.DIFFERENT for key, version in above.items() if version > highest})
    suspects.update(dict.fromkeys(digests, Kind.MISSING))
    return Scan(expected_rows, actual_rows, suspects)


def _digests(view: ViewShape, rows: Iterable[Row]) -> tuple[dict[bytes, bytes], Counter[bytes]]:
    """Return the digest of each key's row, and how many rows more than one the keys have that have more."""
    digests: dict[bytes, bytes] = {}
    twins: Counter[bytes] = Counter()
    for row in rows:
        key = canonical_key(row, view.key)
        if key in digests:
            twins[key] += 1
        digests[key] = digest(row, view.columns)
    return digests, twins


def compare_rows(
    view: ViewShape, *, expected: Iterable[Row], actual: Iterable[Row], ceiling: Ceiling
) -> Iterator[tuple[bytes, Difference]]:
    """Compare a few rows in full; return the differences by canonical key."""
    rows = [(canonical_key(row, view.key), row) for row in expected]
    wanted, numbers = dict(rows), Counter(key for key, _ in rows)
    found = {canonical_key(row, view.key): row for row in actual}
    highest = ceiling()
    for key in sorted(wanted.keys() | found.keys()):
        difference = _difference(view, wanted.get(key), found.get(key), numbers[key], highest)
        if difference is not None:
            yield key, difference


def _difference(
    view: ViewShape, expected: Row | None, actual: Row | None, number: int, highest: int
) -> Difference | None:
    if actual is None:
        return Difference(Kind.MISSING, _key(view, expected or {}))
    if expected is None:
        return Difference(Kind.EXTRA, _key(view, actual), row_version=actual[ROW_VERSION])
    columns = (
        *_column_differences(view.columns, expected, actual),
        *_twins(number),
        *_version_differences(actual[ROW_VERSION], highest),
    )
    return Difference(Kind.DIFFERENT, _key(view, actual), columns, actual[ROW_VERSION]) if columns else None


def _twins(number: int) -> Iterator[ColumnDifference]:
    if number > 1:
        yield ColumnDifference("rows with this key", str(number), "1")


def _version_differences(version: int | None, highest: int) -> Iterator[ColumnDifference]:
    if version is None:
        yield ColumnDifference(ROW_VERSION, "never null", None)
    elif version > highest:
        yield ColumnDifference(ROW_VERSION, f"at most {highest} by now", str(version))


def _column_differences(columns: Sequence[str], expected: Row, actual: Row) -> Iterator[ColumnDifference]:
    for column in columns:
        if canonical_value(expected[column], column=column) != canonical_value(actual[column], column=column):
            yield ColumnDifference(column, _text(expected[column]), _text(actual[column]))


def _key(view: ViewShape, row: Mapping[str, Any]) -> dict[str, str]:
    return {column: _text(row[column]) or "null" for column in view.key}


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
