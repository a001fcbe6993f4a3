"""Which views a snapshot fills exactly, and which need their table to go through the change stream once more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from penstock_views.declaration.views import History, View

from penstock.views.choose import FillState

ROWS = View("rows", "public.t", ("id",), 1, lambda _: None, Path("v.py"), 1)  # type: ignore[arg-type, return-value]
ENTRIES = History("entries", "public.t", ("id",), 1, lambda _: None, Path("v.py"), 1)  # type: ignore[arg-type, return-value]
NEW = FillState(partitions=1, version=500, started=None, is_fresh=True, is_stopped=False)
FILLED = replace(NEW, is_fresh=False, started=400)


@pytest.mark.parametrize("view", [ROWS, ENTRIES])
def test_of_one_partition_a_snapshot_fills_every_kind(view: View) -> None:
    for state in (NEW, FILLED, replace(FILLED, started=None), replace(NEW, started=400)):
        assert state.allows_lane(view)


def test_a_second_snapshot_of_the_same_version_is_for_views_that_nothing_can_be_left_over_in() -> None:
    assert replace(NEW, started=500).allows_lane(ROWS)  # cut off
    assert not replace(FILLED, started=500).allows_lane(ROWS)


def test_of_several_partitions_a_snapshot_fills_row_views_the_first_time() -> None:
    several = replace(NEW, partitions=3)
    assert several.allows_lane(ROWS)
    assert not several.allows_lane(ENTRIES)
    assert not replace(several, started=400).allows_lane(ROWS)
    assert not replace(several, is_fresh=False).allows_lane(ROWS)


def test_of_several_partitions_a_first_fill_that_was_cut_off_goes_on() -> None:
    cut_off = replace(NEW, partitions=3, started=500, goes_on=True)
    assert cut_off.allows_lane(ROWS)
    assert not cut_off.allows_lane(ENTRIES)
    assert not replace(cut_off, is_stopped=True).allows_lane(ROWS)


def test_a_view_that_stands_still_waits_for_a_record() -> None:
    assert not replace(NEW, is_stopped=True).allows_lane(ROWS)
