"""One user of the API as one row of `public.users`, or the reason why it cannot be one. Nothing is rounded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from ingest.errors import IngestError

_INT_MAX = 2**31 - 1
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.(?P<fraction>[0-9]+))?(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?"
)
_MICROSECOND_DIGITS = 6
_DEGREES = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?")
_KINDS = {dict: "an object", list: "a list", str: "a text", bool: "a boolean", float: "a fraction", type(None): "null"}


class UserInvalid(IngestError):
    """One user is no valid row. It is kept aside; the others load."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")


@dataclass(frozen=True)
class UserRow:
    """A row of `public.users`; fields are its columns, in its order."""

    id: str
    email: str
    username: str | None
    title: str | None
    first_name: str
    last_name: str
    gender: str | None
    date_of_birth: date | None
    registered: datetime
    phone: str | None
    cell: str | None
    nationality: str | None
    street_number: int | None
    street_name: str | None
    city: str | None
    state: str | None
    country: str
    postcode: str | None
    latitude: Decimal | None
    longitude: Decimal | None
    timezone: dict[str, Any] | None
    national_id: dict[str, Any] | None
    picture: dict[str, Any] | None


def parse_user(user: object) -> UserRow:
    """Turn a user of the API into a row; a field that the table lets be NULL may be missing or null.

    :raises UserInvalid: naming the first field that is wrong.
    """
    if not isinstance(user, dict):
        raise UserInvalid("user", f"expected an object, got {_kind(user)}")
    return UserRow(
        id=_uuid(user, "login.uuid"),
        email=_required_text(user, "email"),
        username=_text(user, "login.username"),
        title=_text(user, "name.title"),
        first_name=_required_text(user, "name.first"),
        last_name=_required_text(user, "name.last"),
        gender=_text(user, "gender"),
        date_of_birth=born.date() if (born := _moment(user, "dob.date")) else None,
        registered=_registered(user),
        phone=_text(user, "phone"),
        cell=_text(user, "cell"),
        nationality=_text(user, "nat"),
        street_number=_integer(user, "location.street.number"),
        street_name=_text(user, "location.street.name"),
        city=_text(user, "location.city"),
        state=_text(user, "location.state"),
        country=_required_text(user, "location.country"),
        postcode=_postcode(user),
        latitude=_degrees(user, "location.coordinates.latitude", limit=90),
        longitude=_degrees(user, "location.coordinates.longitude", limit=180),
        timezone=_object(user, "location.timezone"),
        national_id=_object(user, "id"),
        picture=_object(user, "picture"),
    )


def _value(user: Mapping[str, Any], path: str) -> Any:
    """Return what lies at a dotted path; None when it or a parent is missing or null."""
    here: Any = user
    for step in path.split("."):
        if not isinstance(here, dict):
            raise UserInvalid(path, f"expected an object around {step!r}, got {_kind(here)}")
        here = here.get(step)
        if here is None:
            return None
    return here


def _text(user: Mapping[str, Any], path: str) -> str | None:
    value = _value(user, path)
    if value is None:
        return None
    if not isinstance(value, str):
        raise UserInvalid(path, f"expected a text, got {_kind(value)}")
    if (problem := why_not_storable(value)) is not None:
        raise UserInvalid(path, problem)
    return value


def why_not_storable(text: str) -> str | None:
    """Return why Postgres cannot hold a text, or None when it can."""
    if "\0" in text:
        return "the text holds a NUL character, which Postgres cannot store"
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return "the text holds half a surrogate pair, which is no character"
    return None


def _required_text(user: Mapping[str, Any], path: str) -> str:
    value = _text(user, path)
    if not value:
        raise UserInvalid(path, "a value is required" if value is None else "is empty")
    return value


def _uuid(user: Mapping[str, Any], path: str) -> str:
    written = _required_text(user, path)
    # `UUID()` takes braces, `urn:uuid:` and digits of any script.
    if not _UUID.fullmatch(written):
        raise UserInvalid(path, f"not a uuid: {_short(written)}")
    return str(UUID(written))


def _moment(user: Mapping[str, Any], path: str) -> datetime | None:
    written = _text(user, path)
    if written is None:
        return None
    # What `fromisoformat()` takes besides: weeks, blanks for T, hours without minutes, a seventh digit that it drops.
    if (found := _MOMENT.fullmatch(written)) is None:
        raise UserInvalid(path, f"not a timestamp: {_short(written)}")
    if not found["zone"]:
        raise UserInvalid(path, f"a timestamp without a time zone: {_short(written)}")
    if found["fraction"] and len(found["fraction"]) > _MICROSECOND_DIGITS:
        raise UserInvalid(path, f"finer than a microsecond, which the table would round: {_short(written)}")
    try:
        return datetime.fromisoformat(written).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UserInvalid(path, f"not a timestamp: {_short(written)}") from None


def _registered(user: Mapping[str, Any]) -> datetime:
    path = "registered.date"
    moment = _moment(user, path)
    if moment is None:
        raise UserInvalid(path, "a value is required")
    if moment.microsecond % 1000:
        raise UserInvalid(path, f"finer than a millisecond, which the table would round: {moment.isoformat()}")
    return moment


def _integer(user: Mapping[str, Any], path: str) -> int | None:
    value = _value(user, path)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _INT_MAX:
        raise UserInvalid(path, f"expected a whole number of 32 bits, got {_kind(value)}")
    return value


def _postcode(user: Mapping[str, Any]) -> str | None:
    """Return the code as text: the API sends a number for most nations and a text for some."""
    value = _value(user, path := "location.postcode")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return _text(user, path)


def _degrees(user: Mapping[str, Any], path: str, *, limit: int) -> Decimal | None:
    written = _text(user, path)
    if written is None:
        return None
    # `Decimal()` takes underscores, blanks around, exponents, NaN and digits of any script.
    if not _DEGREES.fullmatch(written):
        raise UserInvalid(path, f"not a number: {_short(written)}")
    degrees = Decimal(written)
    if abs(degrees) > limit:
        raise UserInvalid(path, f"outside -{limit} to {limit}: {_short(written)}")
    if degrees != degrees.quantize(Decimal("0.0001")):
        raise UserInvalid(path, f"more than 4 decimal places, which the table would round: {_short(written)}")
    return degrees


def _object(user: Mapping[str, Any], path: str) -> dict[str, Any] | None:
    value = _value(user, path)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise UserInvalid(path, f"expected an object, got {_kind(value)}")
    for name, item in value.items():
        _check_flat(f"{path}.{name}", name, item)
    return value


def _check_flat(path: str, name: str, item: object) -> None:
    """Refuse what jsonb refuses, and nesting, which no object of the API has."""
    for text in (name, item):
        if isinstance(text, str) and (problem := why_not_storable(text)) is not None:
            raise UserInvalid(path, problem)
    if isinstance(item, dict | list | float | Decimal):
        raise UserInvalid(path, f"expected a text, a whole number or null, got {_kind(item)}")


def _kind(value: object) -> str:
    return _KINDS.get(type(value)) or f"the number {_short(str(value))}"


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:60]}…")
