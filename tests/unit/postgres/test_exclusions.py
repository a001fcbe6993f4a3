"""What is wrong with an exclusion, and what has changed: concluded from what Postgres says, before anything is done."""

from __future__ import annotations

import pytest

from penstock.excluded import NONE, Excluded
from penstock.hashed import Hashed
from penstock.postgres.exclusions import Column, Noted, Standing

USERS = Excluded({"public.users": frozenset(["phone"])})
PHONE = ("public.users", "phone")
THERE = {PHONE: Column(is_key=False, root=1, position=2)}
CASES = {
    "it is there": (Standing({}, THERE), None),
    "a typing error": (Standing({}, {}), "public.users.phone is excluded, and there is no such column"),
    "of the key": (Standing({}, {PHONE: Column(True, 1, 1)}), "public.users.phone is of the primary key"),
    "dropped": (Standing({PHONE: Noted("public.users", None)}, {}), None),
    "its table is dropped": (Standing({PHONE: Noted(None, None)}, {}), None),
    "renamed": (Standing({PHONE: Noted("public.users", "mobile")}, {}), "is public.users.mobile now"),
    "its table is renamed": (Standing({PHONE: Noted("public.people", "phone")}, {}), "is public.people.phone now"),
}


@pytest.mark.parametrize("case", CASES)
def test_an_exclusion_that_cannot_hold_is_named(case: str) -> None:
    known, expected = CASES[case]
    problems = [each.what for each in known.problems(USERS)]
    assert problems == [] if expected is None else expected in problems[0]


HASHED = Hashed({"public.users": frozenset(["phone"])}, "secret")


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (THERE, []),
        ({}, ["public.users.phone is hashed, and there is no such column"]),
        ({PHONE: Column(True, 1, 1)}, ["public.users.phone is of the primary key, which names the row in each change"]),
        (
            {PHONE: Column(False, 1, 1, is_text=False)},
            ["public.users.phone is no text: only text, character varying and character can be hashed"],
        ),
    ],
)
def test_a_column_that_cannot_be_hashed_is_named(there: dict[tuple[str, str], Column], expected: list[str]) -> None:
    assert [each.what for each in Standing({}, there).problems(NONE, HASHED)] == expected


def test_another_secret_is_a_change() -> None:
    known = {PHONE: Noted("public.users", "phone", HASHED.fingerprint)}
    assert Standing(known, THERE).changes(NONE, HASHED) == {}
    other = HASHED.with_secret("other")
    change = f"phone is hashed with secret {other.fingerprint} from now on"
    assert Standing(known, THERE).changes(NONE, other) == {PHONE: change}
    assert Standing(known, THERE).changes(USERS) == {PHONE: "phone is excluded from now on"}
    assert Standing(known, THERE).changes(NONE) == {PHONE: "phone is no longer hashed"}


def test_what_is_new_and_what_has_ended_is_reported() -> None:
    cell = ("public.users", "cell")
    known = Standing({cell: Noted("public.users", "cell")}, THERE)
    assert known.changes(USERS) == {
        PHONE: "phone is excluded from now on",
        cell: "cell is no longer excluded",
    }
    assert Standing({PHONE: Noted("public.users", "phone")}, THERE).changes(USERS) == {}
