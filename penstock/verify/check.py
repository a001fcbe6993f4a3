"""Verify a view while data may be moving: compare everything once, then read only the suspects again.

A key that differs may just be on its way through the pipeline. It counts as different only when it still differs after
the last of a bounded number of looks, each on fresh data of both sides.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import islice

from penstock.verify.canonical import canonical_key, key_values
from penstock.verify.compare import compare_rows, scan
from penstock.verify.model import Difference, Kind, RowSource, ViewResult, ViewShape

DEFAULT_ATTEMPTS = 6
_SHOWN = 20
# Above this, asking for each key costs more than reading the view once more.
_KEYS_AT_MOST = 5000
_LONGEST_PAUSE_S = 5.0


def pause_longer(attempt: int) -> None:
    """Wait before a further look: 0.5 s, then twice as long each time, at most 5 s."""
    time.sleep(min(0.5 * 2**attempt, _LONGEST_PAUSE_S))


def verify_view(
    view: ViewShape,
    *,
    expected: RowSource,
    actual: RowSource,
    attempts: int = DEFAULT_ATTEMPTS,
    pause: Callable[[int], None] = pause_longer,
) -> ViewResult:
    """Compare one view.

    :param attempts: how often suspects are read again before a difference counts.
    :param pause: called before each further look with its number, from 0; waits until the pipeline may have caught up.
    """
    started = time.monotonic()
    whole = scan(view, expected=expected.scan(view), actual=actual.scan(view))
    suspects, looks = whole.suspects, 0
    while suspects and looks < attempts:
        pause(looks)
        looks += 1
        if len(suspects) > _KEYS_AT_MOST:
            whole = scan(view, expected=expected.scan(view), actual=actual.scan(view))
            suspects = whole.suspects
        else:
            suspects = {key: found.kind for key, found in _look(view, suspects, expected, actual).items()}
    shown = _show(view, suspects, expected, actual)
    return ViewResult(
        view=view.name,
        expected_rows=whole.expected_rows,
        actual_rows=whole.actual_rows,
        counts={kind: Counter(suspects.values())[kind] for kind in Kind},
        differences=tuple(shown.values()),
        rounds=1 + looks,
        seconds=time.monotonic() - started,
    )


def _show(
    view: ViewShape, suspects: dict[bytes, Kind], expected: RowSource, actual: RowSource
) -> dict[bytes, Difference]:
    """Read the first suspects in full, for people; one that has healed since is a suspect no more."""
    first = list(islice(sorted(suspects), _SHOWN))
    shown = _look(view, first, expected, actual) if first else {}
    for key in first:
        if key not in shown:
            del suspects[key]
    return shown


def _look(
    view: ViewShape, suspects: Iterable[bytes], expected: RowSource, actual: RowSource
) -> dict[bytes, Difference]:
    """Compare the rows of these keys, and of the keys that their source rows have by now, on fresh data."""
    keys = [key_values(suspect, view.key) for suspect in suspects]
    wanted = list(expected.pick(view, keys))
    by_key = {canonical_key(row, view.key): row for row in (*keys, *wanted)}
    found = actual.pick(view, list(by_key.values()))
    return dict(compare_rows(view, expected=wanted, actual=found))
