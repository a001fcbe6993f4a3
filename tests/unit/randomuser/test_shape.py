"""The stand-in against real output of the API: the same fields, in the same order, of the same types."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from penstock.randomuser.nationalities import NATIONALITIES, TIMEZONES
from penstock.randomuser.person import Wish, make_person

SAMPLE = json.loads((Path(__file__).parents[2] / "data" / "users-105.json").read_text("utf-8"))["results"]
OURS = [make_person(Wish("shape", 1), position) for position in range(2000)]


def skeleton(users: list[Any]) -> dict[str, set[str]]:
    """Return the type names found at every path, over all users."""
    found: dict[str, set[str]] = {}
    for user in users:
        _walk(user, "", found)
    return found


def _walk(value: Any, path: str, found: dict[str, set[str]]) -> None:
    found.setdefault(path, set()).add(type(value).__name__)
    if isinstance(value, dict):
        for key, item in value.items():
            _walk(item, f"{path}.{key}", found)


def by_nation(users: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    return {code: [user for user in users if user["nat"] == code] for code in NATIONALITIES}


def test_the_sample_has_what_makes_it_hard() -> None:
    types = skeleton(SAMPLE)
    assert types[".location.postcode"] == {"int", "str"}
    assert types[".id.value"] == {"str", "NoneType"}
    assert {user["nat"] for user in SAMPLE} == set(NATIONALITIES)


def test_every_field_has_the_types_of_the_real_api() -> None:
    assert skeleton(OURS) == skeleton(SAMPLE)


def test_fields_come_in_the_order_of_the_real_api() -> None:
    def order(user: dict[str, Any]) -> str:
        return re.sub(r': ("(\\.|[^"\\])*"|-?\d+|null)', "", json.dumps(user))

    assert {order(user) for user in OURS} == {order(SAMPLE[0])}


@pytest.mark.parametrize("code", NATIONALITIES)
def test_a_nation_looks_like_itself_in_the_real_api(code: str) -> None:
    ours, real = by_nation(OURS)[code], by_nation(SAMPLE)[code]

    for field in ("country",):
        assert {user["location"][field] for user in ours} == {user["location"][field] for user in real}
    assert {user["id"]["name"] for user in ours} == {user["id"]["name"] for user in real}
    assert {type(user["id"]["value"]) for user in ours} == {type(user["id"]["value"]) for user in real}
    assert {type(user["location"]["postcode"]) for user in ours} == {
        type(user["location"]["postcode"]) for user in real
    }
    assert {user["name"]["title"] for user in real} <= {user["name"]["title"] for user in ours}


@pytest.mark.parametrize(
    ("code", "script"),
    [
        ("IR", "[\u0600-\u06ff]"),
        ("UA", "[\u0400-\u04ff]"),
        ("RS", "[\u0400-\u04ff]"),
        ("TR", "[çğıöşüİ]"),
        ("NO", "[æøå]"),
    ],
)
def test_names_and_places_are_in_the_nations_own_script(code: str, script: str) -> None:
    written = " ".join(
        user["name"]["first"] + user["name"]["last"] + user["location"]["city"] for user in by_nation(OURS)[code]
    )
    assert re.search(script, written, re.IGNORECASE)


def test_values_have_the_form_of_the_real_api() -> None:
    for user in [*SAMPLE, *OURS]:
        place = user["location"]
        assert re.fullmatch(r"[a-z0-9.-]+\.[a-z0-9.-]+@example\.com", user["email"].replace("'", "")), user["email"]
        assert re.fullmatch(r"-?\d{1,3}\.\d{1,4}", place["coordinates"]["latitude"])
        assert (place["timezone"]["offset"], place["timezone"]["description"]) in TIMEZONES
        for moment in (user["dob"], user["registered"]):
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", moment["date"])
            assert 0 <= moment["age"] <= 90
        assert re.fullmatch(r"https://randomuser\.me/api/portraits/(wo)?men/\d\d?\.jpg", user["picture"]["large"])
        for kind, digits in (("md5", 32), ("sha1", 40), ("sha256", 64)):
            assert re.fullmatch(f"[0-9a-f]{{{digits}}}", user["login"][kind])
