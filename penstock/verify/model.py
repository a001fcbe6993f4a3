"""Model of a comparison: the shape of a view, where rows come from, differences and results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from penstock.project.shapes import ViewShape

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Absence:
    """Source rows that have no row in the view, for one reason.

    :param example: the key of one of them, as text.
    """

    reason: str
    rows: int
    example: str


OnAbsence = Callable[[Absence], None]


def ignore_absence(_: Absence) -> None:
    """Take no note of it."""


class RowSource(Protocol):
    """One side of the comparison: Postgres through the view's function, or Cassandra.

    :raises TerminalError: from every method, when this view cannot be read; others may be.
    """

    def scan(self, view: ViewShape, on_absence: OnAbsence = ignore_absence) -> Iterator[Row]:
        """Return every row of the view as it is now, from one snapshot where the database has such.

        :param on_absence: is called with the source rows that have no row, in pieces.
        """
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
    """The outcome for one view; `differences` holds the first ones only, `counts` all of them.

    :param absences: the source rows without a row in the view; those that its `where()` leaves out are not among them.
    :param stopped: why the view could not be compared.
    """

    view: str
    expected_rows: int = 0
    actual_rows: int = 0
    counts: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(Kind, 0))
    differences: tuple[Difference, ...] = ()
    absences: tuple[Absence, ...] = ()
    stopped: str | None = None
    rounds: int = 0
    seconds: float = 0.0

    @property
    def is_equal(self) -> bool:
        """True when both sides hold the same."""
        return self.stopped is None and not any(self.counts.values())

    @property
    def no_row(self) -> int:
        """How many source rows have no row in the view."""
        return sum(absence.rows for absence in self.absences)

    def as_json(self) -> dict[str, Any]:
        """Return the whole of it as JSON has it."""
        return {**asdict(self), "no_row": self.no_row, "equal": self.is_equal}
