"""Parsing: every real user is a row, and what is no row is refused with the field and the reason."""

from __future__ import annotations

import copy
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from ingest.user import UserInvalid, UserRow, parse_user

from penstock.randomuser.person import Wish, make_person

SAMPLE: list[dict[str, Any]] = json.loads((Path(__file__).parents[2] / "data" / "users-105.json").read_text("utf-8"))[
    "results"
]


def with_change(path: str, value: Any) -> dict[str, Any]:
    """Return a real user with one field replaced."""
    user = copy.deepcopy(SAMPLE[0])
    *parents, last = path.split(".")
    here: Any = user
    for step in parents:
        here = here[step]
    here[last] = value
    return user


def test_a_real_user_becomes_exactly_this_row() -> None:
    assert parse_user(SAMPLE[0]) == UserRow(
        id="9f07341f-c7e6-45b7-bab0-af6de5a4582d",
        email="laura.woods@example.com",
        username="angryostrich988",
        title="Miss",
        first_name="Laura",
        last_name="Woods",
        gender="female",
        date_of_birth=date(1967, 7, 23),
        registered=datetime(2018, 10, 18, 4, 5, 51, 990_000, tzinfo=UTC),
        phone="031-623-5189",
        cell="081-807-8083",
        nationality="IE",
        street_number=2479,
        street_name="Henry Street",
        city="Blessington",
        state="Wexford",
        country="Ireland",
        postcode="78276",
        latitude=Decimal("2.0565"),
        longitude=Decimal("95.2422"),
        timezone={"offset": "+1:00", "description": "Brussels, Copenhagen, Madrid, Paris"},
        national_id={"name": "PPS", "value": "1101776T"},
        picture=SAMPLE[0]["picture"],
    )


def test_every_user_of_the_real_api_and_of_the_stand_in_is_a_row() -> None:
    for user in [*SAMPLE, *(make_person(Wish("rows", 1), position) for position in range(500))]:
        row = parse_user(user)
        assert row.id == user["login"]["uuid"]
        assert row.postcode == str(user["location"]["postcode"])
        assert row.national_id == user["id"]


@pytest.mark.parametrize(
    ("path", "column"),
    [
        ("phone", "phone"),
        ("name.title", "title"),
        ("dob", "date_of_birth"),
        ("location.street", "street_number"),
        ("location.coordinates", "latitude"),
        ("location.postcode", "postcode"),
        ("id", "national_id"),
    ],
)
def test_what_may_be_null_may_be_null_or_missing(path: str, column: str) -> None:
    assert getattr(parse_user(with_change(path, None)), column) is None


def test_a_date_of_birth_is_the_day_in_utc() -> None:
    assert parse_user(with_change("dob.date", "1970-01-01T00:30:00+01:00")).date_of_birth == date(1969, 12, 31)


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("login.uuid", None, "login.uuid: a value is required"),
        ("login.uuid", "42", "login.uuid: not a uuid: '42'"),
        ("login.uuid", "{9f07341f-c7e6-45b7-bab0-af6de5a4582d}", "login.uuid: not a uuid"),
        ("login", "laura", "login.uuid: expected an object around 'uuid', got a text"),
        ("email", "", "email: is empty"),
        ("email", 7, "email: expected a text, got the number '7'"),
        ("name.first", "La\0ura", "name.first: the text holds a NUL character"),
        ("name.last", "\ud800", "name.last: the text holds half a surrogate pair"),
        ("location.country", None, "location.country: a value is required"),
        ("location.street.number", "12", "location.street.number: expected a whole number of 32 bits, got a text"),
        ("location.street.number", 2**31, "location.street.number: expected a whole number of 32 bits, got the number"),
        ("location.street.number", True, "location.street.number: expected a whole number of 32 bits, got a boolean"),
        ("location.postcode", 1.5, "location.postcode: expected a text, got a fraction"),
        ("location.coordinates.latitude", "90.0001", "location.coordinates.latitude: outside -90 to 90"),
        ("location.coordinates.longitude", "NaN", "location.coordinates.longitude: not a number: 'NaN'"),
        ("location.coordinates.longitude", "1.23456", "location.coordinates.longitude: more than 4 decimal places"),
        ("location.coordinates.longitude", "east", "location.coordinates.longitude: not a number: 'east'"),
        ("registered.date", None, "registered.date: a value is required"),
        ("registered.date", "yesterday", "registered.date: not a timestamp: 'yesterday'"),
        ("registered.date", "2018-10-18T04:05:51", "registered.date: a timestamp without a time zone"),
        ("registered.date", "2018-10-18T04:05:51.9901Z", "registered.date: finer than a millisecond"),
        ("registered.date", "0001-01-01T00:00:00+14:00", "registered.date: not a timestamp"),
        ("registered.date", "2018-10-18T04:05:51.9900001Z", "registered.date: finer than a microsecond"),
        ("registered.date", "2018-10-18T04:05:51.990000000Z", "registered.date: finer than a microsecond"),
        ("registered.date", "2018-10-18T04:05:51,990Z", "registered.date: not a timestamp"),
        ("registered.date", "2018-10-18 04:05:51Z", "registered.date: not a timestamp"),
        ("registered.date", "2018-W42-4T04:05:51Z", "registered.date: not a timestamp"),
        ("registered.date", "20181018T040551Z", "registered.date: not a timestamp"),
        ("registered.date", "\uff12\uff1018-10-18T04:05:51Z", "registered.date: not a timestamp"),
        ("registered.date", "2018-10-18T04:05:51+25:00", "registered.date: not a timestamp"),
        ("dob.date", "1967-07-23T00:00:00.1234567Z", "dob.date: finer than a microsecond"),
        ("dob.date", "1967-07-23", "dob.date: not a timestamp"),
        ("dob.date", -77241600, "dob.date: expected a text, got the number"),
        *[
            ("location.coordinates.latitude", written, "location.coordinates.latitude: not a number")
            for written in (
                "1_0.5",
                "\uff11.5",
                "\u0663.5",
                "1e1",
                " 1.5",
                "1.5\n",
                "",
                ".5",
                "5.",
                "Infinity",
                "-",
                "0x10",
                "1,5",
            )
        ],
        ("location.coordinates.latitude", 1.5, "location.coordinates.latitude: expected a text, got a fraction"),
        ("location.street.number", 12.0, "location.street.number: expected a whole number of 32 bits, got a fraction"),
        ("login.uuid", "\uff19f07341f-c7e6-45b7-bab0-af6de5a4582d", "login.uuid: not a uuid"),
        ("login.uuid", "urn:uuid:9f07341f-c7e6-45b7-bab0-af6de5a4582d", "login.uuid: not a uuid"),
        ("id", "PPS", "id: expected an object, got a text"),
        ("id.value", Decimal("9" * 5000), "id.value: expected a text, a whole number or null, got the number '9"),
        ("id.value", {"deep": 1}, "id.value: expected a text, a whole number or null, got an object"),
        ("picture.large", "\0", "picture.large: the text holds a NUL character"),
    ],
)
def test_what_is_no_row_is_refused_with_field_and_reason(path: str, value: Any, problem: str) -> None:
    with pytest.raises(UserInvalid) as caught:
        parse_user(with_change(path, value))
    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize(("user", "kind"), [(None, "null"), ([], "a list"), ("x", "a text"), (1, "the number '1'")])
def test_a_user_must_be_an_object(user: object, kind: str) -> None:
    with pytest.raises(UserInvalid, match=f"^user: expected an object, got {kind}$"):
        parse_user(user)
