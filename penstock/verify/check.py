"""Verify views while data may be moving: compare everything once, then read only the suspects again.

A key that differs may just be on its way through the pipeline. First a quick look, on fresh data of both sides:
most rows have arrived by then. What still differs counts only when its value and version stay as they are
while everything that Postgres had committed before comes through the pipeline. All views wait together.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from penstock.errors import TerminalError
from penstock.project.shapes import ViewShape
from penstock.verify.canonical import canonical_key, key_values
from penstock.verify.compare import Ceiling, compare_rows, scan
from penstock.verify.model import Absence, Difference, Kind, RowSource, ViewResult

_SHOWN = 20
# Above this, asking for each key costs more than reading the view once more.
_KEYS_AT_MOST = 5000
QUICK_LOOKS = 1
_PAUSE_S = 0.5
_VIEWS_AT_ONCE = 2
# A key that changes all the time cannot be compared; after so many fences it counts as it is.
_FENCES = 3

Suspects = Mapping[bytes, Kind | Difference]
"""Keys that differ, and how; only the kind of it when they are too many to be read one by one."""

CatchUp = Callable[[Mapping[str, int]], bool]
"""Is given the views that have suspects, and how many; returns True when all that Postgres held at the call has come
through, and False when that is not to be waited for: then the differences count as they are."""


def pause_a_moment() -> None:
    """Wait before a further look: as long as a change takes and some more."""
    time.sleep(_PAUSE_S)


@dataclass(frozen=True)
class Sides:
    """A view and where its rows come from; `ceiling` says the highest version that one can have."""

    view: ViewShape
    expected: RowSource
    actual: RowSource
    ceiling: Ceiling


def verify_views(
    views: Iterable[Sides],
    *,
    catch_up: CatchUp,
    quick_looks: int = QUICK_LOOKS,
    pause: Callable[[], None] = pause_a_moment,
) -> list[ViewResult]:
    """Compare views; one that cannot be read has that as its result.

    :param pause: called before each quick look.
    """
    comparisons = [_Comparison(sides) for sides in views]
    _at_once(_Comparison.scan, comparisons)
    for _ in range(quick_looks):
        if not _suspected(comparisons):
            break
        pause()
        _at_once(_Comparison.look, _suspected(comparisons))
    _settle(comparisons, catch_up)
    return [comparison.result() for comparison in comparisons]


def _at_once(look: Callable[[_Comparison], None], comparisons: Sequence[_Comparison]) -> None:
    """Look at several views at once: Spark plans one while the rows of another are compared."""
    pool = ThreadPoolExecutor(_VIEWS_AT_ONCE)
    try:
        for _ in pool.map(look, comparisons):
            pass
    finally:
        # A command that is cut off does not wait for views that take minutes.
        pool.shutdown(wait=False, cancel_futures=True)


def _suspected(comparisons: Sequence[_Comparison]) -> list[_Comparison]:
    return [comparison for comparison in comparisons if comparison.suspects]


def _settle(comparisons: Sequence[_Comparison], catch_up: CatchUp) -> None:
    """Let the pipeline catch up until what differs has stayed the same meanwhile."""
    moving = _suspected(comparisons)
    for _ in range(_FENCES):
        if not moving or not catch_up({one.view.name: len(one.suspects) for one in moving}):
            return
        moving = [comparison for comparison in moving if comparison.has_moved()]


class _Comparison:
    """What is known of a view: the numbers of its rows, and which keys differ."""

    def __init__(self, sides: Sides) -> None:
        self.view = sides.view
        self._sides = sides
        self.suspects: Suspects = {}
        self._expected_rows = self._actual_rows = self._rounds = 0
        self._absences: dict[str, Absence] = {}
        self._stopped: str | None = None
        self._seconds = 0.0

    def scan(self) -> None:
        """Compare the whole view."""
        with self._measured():
            self._scan()

    def look(self) -> None:
        """Read the suspects again, on fresh data of both sides."""
        with self._measured():
            if len(self.suspects) > _KEYS_AT_MOST:
                self._scan()
            else:
                self.suspects = self._differences(self.suspects)
                self._rounds += 1

    def has_moved(self) -> bool:
        """Look again; return whether any suspect differs otherwise than before."""
        before = self.suspects
        self.look()
        return any(before.get(key) != found for key, found in self.suspects.items())

    def result(self) -> ViewResult:
        """Read the first suspects in full, for people, and report everything."""
        with self._measured():
            shown = self._show()
        if self._stopped is not None:
            return ViewResult(self.view.name, stopped=self._stopped, rounds=self._rounds, seconds=self._seconds)
        counts = Counter(_kind(found) for found in self.suspects.values())
        return ViewResult(
            view=self.view.name,
            expected_rows=self._expected_rows,
            actual_rows=self._actual_rows,
            counts={kind: counts[kind] for kind in Kind},
            differences=shown,
            absences=tuple(sorted(self._absences.values(), key=lambda absence: -absence.rows)),
            rounds=self._rounds,
            seconds=self._seconds,
        )

    @contextmanager
    def _measured(self) -> Iterator[None]:
        """Count the time; what no retry cures ends the comparison of this view alone."""
        started = time.monotonic()
        try:
            yield
        except TerminalError as exc:
            self.suspects, self._stopped = {}, str(exc)
        self._seconds += time.monotonic() - started

    def _scan(self) -> None:
        self._absences = {}
        expected = self._sides.expected.scan(self.view, self._note)
        actual = self._sides.actual.scan(self.view)
        whole = scan(self.view, expected=expected, actual=actual, ceiling=self._sides.ceiling)
        self._expected_rows, self._actual_rows = whole.expected_rows, whole.actual_rows
        self.suspects = whole.suspects
        self._rounds += 1

    def _note(self, absence: Absence) -> None:
        known = self._absences.get(absence.reason)
        if known is None:
            self._absences[absence.reason] = absence
        else:
            self._absences[absence.reason] = Absence(known.reason, known.rows + absence.rows, known.example)

    def _show(self) -> tuple[Difference, ...]:
        """Read the first suspects in full; one that has healed since is a suspect no more."""
        first = list(islice(sorted(self.suspects), _SHOWN))
        shown = self._differences(first) if first else {}
        healed = set(first) - set(shown)
        self.suspects = {key: found for key, found in self.suspects.items() if key not in healed}
        return tuple(shown.values())

    def _differences(self, suspects: Iterable[bytes]) -> dict[bytes, Difference]:
        """Compare the rows of these keys, and of the keys that their source rows have by now."""
        sides, key = self._sides, self.view.key
        keys = [key_values(suspect, key) for suspect in suspects]
        wanted = list(sides.expected.pick(self.view, keys))
        by_key = {canonical_key(row, key): row for row in (*keys, *wanted)}
        found = sides.actual.pick(self.view, list(by_key.values()))
        return dict(compare_rows(self.view, expected=wanted, actual=found, ceiling=sides.ceiling))


def _kind(found: Kind | Difference) -> Kind:
    return found.kind if isinstance(found, Difference) else found
