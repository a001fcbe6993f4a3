# ruff: noqa: RUF001 - letters of other scripts are the subject here
"""People are made from (seed, page, position) alone: the same anywhere, any time."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from datetime import datetime

import pytest

from penstock.randomuser.person import AGES_AS_OF, Wish, make_person
from penstock.randomuser.transliterate import to_ascii_letters

DIGEST_OF_PAGE = """
import hashlib, json
from penstock.randomuser.person import Wish, make_person
page = [make_person(Wish("seed", 3), position) for position in range(200)]
print(hashlib.sha256(json.dumps(page).encode()).hexdigest())
"""


def test_the_same_people_in_every_process() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST_OF_PAGE], env={"PYTHONHASHSEED": seed}, check=True, capture_output=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_seed_page_position_and_filters_all_make_other_people() -> None:
    wishes = [
        Wish("a", 1),
        Wish("b", 1),
        Wish("a", 2),
        Wish("a", 1, ("DE",)),
        Wish("a", 1, ("DE", "FR")),
        Wish("a", 1, (), "male"),
    ]
    ids = [make_person(wish, position)["login"]["uuid"] for wish in wishes for position in range(500)]
    assert len(set(ids)) == len(ids)


def test_the_filters_hold() -> None:
    people = [make_person(Wish("a", 1, ("IR", "NO"), "female"), position) for position in range(100)]
    assert {person["nat"] for person in people} == {"IR", "NO"}
    assert {person["gender"] for person in people} == {"female"}


def test_hashes_are_those_of_password_and_salt() -> None:
    login = make_person(Wish("a", 1), 0)["login"]
    assert login["sha256"] == hashlib.sha256((login["password"] + login["salt"]).encode()).hexdigest()


def test_ages_are_full_years_at_the_fixed_day() -> None:
    for position in range(300):
        for moment in (make_person(Wish("age", 1), position)[field] for field in ("dob", "registered")):
            start = datetime.fromisoformat(moment["date"])
            start = start.replace(day=28) if (start.month, start.day) == (2, 29) else start
            assert (
                start.replace(year=start.year + moment["age"])
                <= AGES_AS_OF
                < start.replace(year=start.year + moment["age"] + 1)
            )


def test_five_thousand_people_take_less_than_three_seconds() -> None:
    make_person(Wish("warm", 1), 0)
    start = time.process_time()
    people = [make_person(Wish("quick", 1), position) for position in range(5000)]
    assert time.process_time() - start < 3
    assert len(json.dumps(people)) > 1_000_000


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Åsebø", "asebo"),
        ("Çetin", "cetin"),
        ("Iğdır", "igdir"),
        ("Großmann", "grossmann"),
        ("Щербак", "shcherbak"),
        ("Његош", "njegosh"),
        ("حیدری", "hydry"),
        ("Jean-Baptiste", "jean-baptiste"),
        ("de la Crúz", "delacruz"),
    ],
)
def test_names_become_ascii_letters(name: str, letters: str) -> None:
    assert to_ascii_letters(name) == letters
