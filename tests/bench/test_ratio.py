"""Penstock beside what tutorials build, in one run: a change that makes it a third slower than it was fails here."""

from __future__ import annotations

import json

from tests.stack import Stack

RATIO = 8.3
"""How many times longer the peer took at the median when this was last recorded (docs/local-stack.md)."""
ROUNDS = 2
"""A machine that is busy for half a minute is no fault: the better round counts."""


def test_the_peer_takes_as_many_times_longer_as_before(stack: Stack) -> None:
    ratios = [_ratio(stack) for _ in range(ROUNDS)]
    assert max(ratios) > RATIO * 2 / 3, f"the ratios of {ROUNDS} rounds: {ratios}; it was {RATIO}"


def _ratio(stack: Stack) -> float:
    done = stack.run(".venv/bin/penstock bench peer --rate 200 --seconds 20 --warm-up 20 --json")
    ratio: float = json.loads(done.stdout)["ratio"]
    return ratio
