"""Every view is looked at, whatever the order in which the records of all of them come."""

from __future__ import annotations

from penstock.bench.turns import Turns


def looked_at(records: list[tuple[str, float]], *, each_s: float) -> list[str]:
    """Follow records, with when they come, by a lookout that is free again after some seconds."""
    turns, free_at, looks = Turns(), 0.0, list[str]()
    for view, at in records:
        if turns.came(view, at) and at >= free_at:
            turns.took(view, at)
            looks.append(view)
            free_at = at + each_s
    return looks


def test_a_view_whose_records_come_behind_those_of_others_has_its_turn() -> None:
    batches = [(view, 0.5 * batch) for batch in range(9) for view in ("first", "second", "last") for _ in range(4)]
    assert looked_at(batches, each_s=0.4) == ["first", "second", "last"] * 3


def test_a_view_that_comes_again_after_a_rest_has_no_more_than_its_turn() -> None:
    busy = [("busy", at / 10) for at in range(100)]
    late = [("late", 5 + at / 10 + 0.05) for at in range(50)]
    records = sorted(busy + late, key=lambda record: record[1])
    assert looked_at(records, each_s=0.0)[50:] == ["busy", "late"] * 50


def test_a_view_without_records_is_not_waited_for() -> None:
    records = [("rests", 0.0), *(("busy", at / 10) for at in range(1, 50))]
    assert looked_at(records, each_s=0.0).count("busy") > 35
