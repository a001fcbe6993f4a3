"""A fill that was cut off goes on where nothing that it has written can have become wrong, and else begins again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from penstock_views.declaration.views import History, View
from penstock_views.snapshot.ranges import Part

from penstock.postgres.record import StartedFill
from penstock.project.generation import version_of
from penstock.views.resume import Progress, are_at_hand, are_others, has_followed, is_of, noted_progress

ROWS = View("rows", "public.t", ("id",), 1, lambda _: None, Path("v.py"), 1)  # type: ignore[arg-type, return-value]
OTHERS = replace(ROWS, name="others", revision=2)
ENTRIES = History("entries", "public.t", ("id",), 1, lambda _: None, Path("v.py"), 1)  # type: ignore[arg-type, return-value]
PARTS = (Part("ONLY a", (1,), 40, 9000), Part("both", (2, 3), 5, 70, is_divisible=False))
CUT_OFF = Progress({"rows": "3f", "others": "a0"}, (90, 41, 77), "00000001", PARTS, 12)
EPOCH = 3


def started(progress: Progress, view: View) -> StartedFill:
    noted = json.loads(json.dumps(progress.as_json()))
    return StartedFill("an id", version_of(EPOCH + view.revision - 1, progress.offset), "a source", noted)


BOTH = {view.name: started(CUT_OFF, view) for view in (ROWS, OTHERS)}


def test_what_the_record_holds_is_what_was_written_there() -> None:
    assert noted_progress([ROWS, OTHERS], BOTH, epoch=EPOCH) == CUT_OFF
    assert CUT_OFF.offset == 41
    assert Progress({}, (), "", ()).offset == -1


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"rows": BOTH["rows"]},
        BOTH | {"others": started(replace(CUT_OFF, pages=13), OTHERS)},
        BOTH | {"others": replace(BOTH["others"], progress=None)},
        {name: replace(each, progress=None) for name, each in BOTH.items()},
        {name: replace(each, version=each.version + 1) for name, each in BOTH.items()},
    ],
    ids=["nothing", "of one", "of one another", "of one none", "no progress", "another version"],
)
def test_what_is_not_known_of_all_views_together_begins_again(changed: Mapping[str, StartedFill]) -> None:
    assert noted_progress([ROWS, OTHERS], changed, epoch=EPOCH) is None


def test_a_fill_of_other_views_or_of_another_generation_begins_again() -> None:
    assert noted_progress([ROWS], BOTH, epoch=EPOCH) is None
    assert noted_progress([ROWS, OTHERS], BOTH, epoch=EPOCH + 1) is None
    assert noted_progress([replace(ROWS, revision=2), OTHERS], BOTH, epoch=EPOCH) is None


def test_a_history_goes_on_beside_a_row_view() -> None:
    progress = replace(CUT_OFF, contracts={"rows": "3f", "entries": "a0"})
    both = {view.name: started(progress, view) for view in (ROWS, ENTRIES)}
    assert noted_progress([ROWS, ENTRIES], both, epoch=EPOCH) == progress


@pytest.mark.parametrize(
    ("bounds", "are"),
    [
        ({0: (91, 250_091), 1: (0, 125_042), 2: (78, 125_078)}, True),
        ({0: (91, 250_091), 1: (0, 125_042), 2: (78, 125_079)}, False),
        ({0: (91, 91), 1: (42, 42), 2: (78, 78)}, True),
        ({0: (91, 91), 1: (43, 43), 2: (78, 78)}, False),
    ],
    ids=["all", "too many", "none since", "one deleted"],
)
def test_a_history_needs_every_change_since_in_kafka(bounds: Mapping[int, tuple[int, int]], are: bool) -> None:
    assert are_at_hand((90, 41, 77), bounds) == are


@pytest.mark.parametrize(
    ("since", "follows"),
    [
        ({0: 0, 1: 0, 2: 0}, True),
        ({0: 91, 1: 42, 2: 78}, True),
        ({0: 91, 1: 42, 2: 79}, False),
        ({0: 91, 1: 42}, True),
        ({}, True),
        (None, False),
    ],
)
def test_a_view_must_have_every_record_behind_the_offsets(since: Mapping[int, int] | None, follows: bool) -> None:
    assert has_followed(since, (90, 41, 77), {0: 0, 1: 0, 2: 78}) == follows


def test_a_query_that_has_never_started_begins_where_kafka_does() -> None:
    assert not has_followed({}, (90, 41, 77), {0: 0, 1: 0, 2: 79})
    assert not has_followed({}, (), {})


def test_what_was_read_and_computed_otherwise_begins_again() -> None:
    now = replace(CUT_OFF, parts=(*PARTS, Part("ONLY new", (9,), 3, 7)), pages=0)
    assert is_of(CUT_OFF, now)
    assert not is_of(CUT_OFF, replace(now, timeline="00000002"))
    assert not is_of(CUT_OFF, replace(now, contracts={"rows": "40", "others": "a0"}))
    assert not is_of(CUT_OFF, replace(now, parts=PARTS[:1]))
    assert not is_of(CUT_OFF, replace(now, parts=(replace(PARTS[0], files=(8,)), PARTS[1])))


def test_a_table_that_grows_is_the_same_and_one_written_anew_is_not() -> None:
    then = [Part("ONLY a", (1,), 5, 0), Part("ONLY b", (2,), 5, 0)]
    assert not are_others([Part("ONLY a", (1,), 9, 0), Part("ONLY c", (3,), 1, 0)], then)
    assert are_others([Part("ONLY a", (7,), 5, 0), then[1]], then)
