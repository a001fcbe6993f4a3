"""What is compared and what comes out: the shape of a view, where rows come from, differences and results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

ROW_VERSION = "row_version"
"""The column that each view table has beside those of the view; it must never be null."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class ViewShape:
    """A view: its table's name, its key in key order, and all its columns, the key's too."""

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]


class RowSource(Protocol):
    """One side of the comparison: Postgres through the view's function, or Cassandra."""

    def scan(self, view: ViewShape) -> Iterator[Row]:
        """Return every row of the view as it is now, from one snapshot where the database has such."""
        ...

    def pick(self, view: ViewShape, keys: Sequence[Row]) -> Iterator[Row]:
        """Return the rows of these view keys as they are now.

        The expected side also returns rows of other keys that the same source rows have by now (a user who moved).
        """
        ...


class Kind(StrEnum):
    """How a key differs."""

    MISSING = "missing"
    EXTRA = "extra"
    DIFFERENT = "different"


@dataclass(frozen=True)
class ColumnDifference:
    """One column with both values, as text; None stands for null."""

    column: str
    expected: str | None
    actual: str | None


@dataclass(frozen=True)
class Difference:
    """One key that differs; `key` and the values are text for people.

    :param row_version: that of Cassandra's row, if there is one.
    """

    kind: Kind
    key: dict[str, str]
    columns: tuple[ColumnDifference, ...] = ()
    row_version: int | None = None


@dataclass(frozen=True)
class ViewResult:
    """The outcome for one view; `differences` holds the first ones only, `counts` all of them."""

    view: str
    expected_rows: int
    actual_rows: int
    counts: dict[Kind, int]
    differences: tuple[Difference, ...]
    rounds: int
    seconds: float

    @property
    def is_equal(self) -> bool:
        """True when both sides hold the same."""
        return not any(self.counts.values())
