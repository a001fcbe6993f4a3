"""Verify a view while data may be moving: compare everything once, then read only the suspects again.

A key that differs may just be on its way through the pipeline. First a few quick looks, each on fresh data of both
sides: most rows have arrived by then. What still differs counts only when it stays as it is, to the value and the
version, while everything that Postgres had committed before comes through the pipeline.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import islice

from penstock.verify.canonical import canonical_key, key_values
from penstock.verify.compare import compare_rows, scan
from penstock.verify.model import Difference, Kind, RowSource, ViewResult, ViewShape

_SHOWN = 20
# Above this, asking for each key costs more than reading the view once more.
_KEYS_AT_MOST = 5000
QUICK_LOOKS = 6
_LONGEST_PAUSE_S = 5.0
# A key that changes all the time cannot be compared; after so many fences it counts as it is.
_FENCES = 3

Suspects = Mapping[bytes, Kind | Difference]
"""Keys that differ, and how; only the kind of it when they are too many to be read one by one."""


def pause_longer(attempt: int) -> None:
    """Wait before a further look: 0.5 s, then twice as long each time, at most 5 s."""
    time.sleep(min(0.5 * 2**attempt, _LONGEST_PAUSE_S))


def verify_view(
    view: ViewShape,
    *,
    expected: RowSource,
    actual: RowSource,
    catch_up: Callable[[int], bool],
    quick_looks: int = QUICK_LOOKS,
    pause: Callable[[int], None] = pause_longer,
) -> ViewResult:
    """Compare one view.

    :param catch_up: is given the number of suspects; returns True when all that Postgres held at the call has come
        through, and False when that is not to be waited for: then the differences count as they are.
    :param pause: called before each quick look with its number, from 0.
    """
    started = time.monotonic()
    comparison = _Comparison(view, expected, actual)
    for look in range(quick_looks):
        if not comparison.suspects:
            break
        pause(look)
        comparison.look()
    comparison.settle(catch_up)
    shown = comparison.show()
    counts = Counter(_kind(found) for found in comparison.suspects.values())
    return ViewResult(
        view=view.name,
        expected_rows=comparison.expected_rows,
        actual_rows=comparison.actual_rows,
        counts={kind: counts[kind] for kind in Kind},
        differences=shown,
        rounds=comparison.rounds,
        seconds=time.monotonic() - started,
    )


class _Comparison:
    """What is known of a view so far: the numbers of its rows, and which keys differ."""

    def __init__(self, view: ViewShape, expected: RowSource, actual: RowSource) -> None:
        self._view, self._expected, self._actual = view, expected, actual
        self.suspects: Suspects = {}
        self.rounds = 0
        self._scan()

    def look(self) -> None:
        """Read the suspects again, on fresh data of both sides."""
        if len(self.suspects) > _KEYS_AT_MOST:
            self._scan()
        else:
            self.suspects = self._differences(self.suspects)
            self.rounds += 1

    def settle(self, catch_up: Callable[[int], bool]) -> None:
        """Let the pipeline catch up until what differs has stayed the same meanwhile."""
        for _ in range(_FENCES):
            before = self.suspects
            if not before or not catch_up(len(before)):
                return
            self.look()
            if all(before.get(key) == found for key, found in self.suspects.items()):
                return

    def show(self) -> tuple[Difference, ...]:
        """Read the first suspects in full, for people; one that has healed since is a suspect no more."""
        first = list(islice(sorted(self.suspects), _SHOWN))
        shown = self._differences(first) if first else {}
        healed = set(first) - set(shown)
        self.suspects = {key: found for key, found in self.suspects.items() if key not in healed}
        return tuple(shown.values())

    def _scan(self) -> None:
        whole = scan(self._view, expected=self._expected.scan(self._view), actual=self._actual.scan(self._view))
        self.expected_rows, self.actual_rows = whole.expected_rows, whole.actual_rows
        self.suspects = whole.suspects
        self.rounds += 1

    def _differences(self, suspects: Iterable[bytes]) -> dict[bytes, Difference]:
        """Compare the rows of these keys, and of the keys that their source rows have by now."""
        keys = [key_values(suspect, self._view.key) for suspect in suspects]
        wanted = list(self._expected.pick(self._view, keys))
        by_key = {canonical_key(row, self._view.key): row for row in (*keys, *wanted)}
        found = self._actual.pick(self._view, list(by_key.values()))
        return dict(compare_rows(self._view, expected=wanted, actual=found))


def _kind(found: Kind | Difference) -> Kind:
    return found.kind if isinstance(found, Difference) else found
