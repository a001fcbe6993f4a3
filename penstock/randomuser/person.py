"""One person of the API, made from nothing but (seed, page, position) and the filters of the request."""

from __future__ import annotations

import hashlib
import random
import re
import string
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from penstock.randomuser.nationalities import ANIMALS, MOODS, NATIONALITIES, PASSWORDS, TIMEZONES, Nationality
from penstock.randomuser.pool import pool_of
from penstock.randomuser.transliterate import to_ascii_letters

AGES_AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
"""Ages are counted to this day, never to today: the same question gets the same answer tomorrow."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The API's own ranges, in milliseconds since 1970: born 1944-08-25 to 2001-05-29, registered 2002-03-21 to 2022-05-23.
_BORN_MS = (-800_000_000_000, 991_088_189_000)
_REGISTERED_MS = (1_016_688_461_000, 1_653_344_189_000)
_PORTRAITS = {"male": ("men", 99), "female": ("women", 96)}


@dataclass(frozen=True)
class Wish:
    """Whose people are asked for; an empty filter lets everyone in."""

    seed: str
    page: int
    nationalities: tuple[str, ...] = ()
    gender: str | None = None


def make_person(wish: Wish, position: int) -> dict[str, Any]:
    """Return the person at a position of a page, fields in the API's order.

    The filters are part of the random seed: people that differ never share a `login.uuid`.
    """
    # A str seeds through SHA-512, so every process draws the same numbers.
    rng = random.Random(repr((wish.seed, wish.page, wish.nationalities, wish.gender, position)))  # noqa: S311 - not a secret
    nation = NATIONALITIES[rng.choice(wish.nationalities or tuple(NATIONALITIES))]
    gender = wish.gender or rng.choice(("male", "female"))
    name = _name(rng, nation, gender)
    return {
        "gender": gender,
        "name": name,
        "location": _location(rng, nation),
        "email": f"{to_ascii_letters(name['first'])}.{to_ascii_letters(name['last'])}@example.com",
        "login": _login(rng),
        "dob": _moment(rng, _BORN_MS),
        "registered": _moment(rng, _REGISTERED_MS),
        "phone": _fill(rng, nation.phone),
        "cell": _fill(rng, nation.cell),
        "id": {"name": nation.id_name, "value": _fill(rng, nation.id_pattern) if nation.id_pattern else None},
        "picture": _picture(rng, gender),
        "nat": nation.code,
    }


def _name(rng: random.Random, nation: Nationality, gender: str) -> dict[str, str]:
    pool = pool_of(nation.code)
    is_male = gender == "male"
    return {
        "title": nation.male_title if is_male else rng.choice(nation.female_titles),
        "first": rng.choice(pool.male_names if is_male else pool.female_names),
        "last": rng.choice(pool.last_names),
    }


def _location(rng: random.Random, nation: Nationality) -> dict[str, Any]:
    pool = pool_of(nation.code)
    postcode = _fill(rng, nation.postcode)
    offset, description = rng.choice(TIMEZONES)
    return {
        "street": {"number": rng.randint(1, 9999), "name": rng.choice(pool.streets)},
        "city": rng.choice(pool.cities),
        "state": rng.choice(pool.states),
        "country": nation.country,
        "postcode": int(f"{rng.randint(1, 9)}{postcode[1:]}") if nation.is_postcode_number else postcode,
        "coordinates": {"latitude": f"{rng.uniform(-90, 90):.4f}", "longitude": f"{rng.uniform(-180, 180):.4f}"},
        "timezone": {"offset": offset, "description": description},
    }


def _login(rng: random.Random) -> dict[str, str]:
    password = rng.choice(PASSWORDS)
    salt = "".join(rng.choices(string.ascii_letters + string.digits, k=8))
    salted = (password + salt).encode()
    return {
        "uuid": str(UUID(int=rng.getrandbits(128), version=4)),
        "username": f"{rng.choice(MOODS)}{rng.choice(ANIMALS)}{rng.randint(100, 999)}",
        "password": password,
        "salt": salt,
        **{kind: hashlib.new(kind, salted, usedforsecurity=False).hexdigest() for kind in ("md5", "sha1", "sha256")},
    }


def _moment(rng: random.Random, bounds_ms: tuple[int, int]) -> dict[str, Any]:
    moment = _EPOCH + timedelta(milliseconds=rng.randint(*bounds_ms))
    date = f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
    return {"date": date, "age": _whole_years(moment, AGES_AS_OF)}


def _whole_years(start: datetime, end: datetime) -> int:
    is_before_anniversary = (end.month, end.day, end.time()) < (start.month, start.day, start.time())
    return end.year - start.year - is_before_anniversary


def _picture(rng: random.Random, gender: str) -> dict[str, str]:
    folder, last = _PORTRAITS[gender]
    number = rng.randint(0, last)
    sizes = {"large": "", "medium": "med/", "thumbnail": "thumb/"}
    return {size: f"https://randomuser.me/api/portraits/{path}{folder}/{number}.jpg" for size, path in sizes.items()}


def _fill(rng: random.Random, pattern: str) -> str:
    """Replace each `#` by a digit and each `?` by a capital letter."""
    return re.sub("[#?]", lambda hit: rng.choice(string.digits if hit[0] == "#" else string.ascii_uppercase), pattern)
