"""A drain ends when nothing is left, and with a word when the sink has stalled."""

from __future__ import annotations

from itertools import chain, repeat

import pytest

from penstock.bench.sink import SinkStill, _falling


def test_it_goes_on_while_the_number_falls() -> None:
    left = iter([5, 5, 3, 4, 2, 0])
    assert list(_falling(lambda: next(left), still_s=60)) == [5, 5, 3, 4, 2]


def test_a_sink_that_stands_still_is_said() -> None:
    left = chain([5], repeat(7))
    with pytest.raises(SinkStill, match="7 records left"):
        list(_falling(lambda: next(left), still_s=0))
