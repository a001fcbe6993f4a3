"""The query of one request, read as leniently as the API reads it: what it does not understand it ignores."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from penstock.errors import TerminalError
from penstock.randomuser.nationalities import NATIONALITIES
from penstock.randomuser.person import Wish

MAX_RESULTS = 5000
MAX_PAGE = 10_000
FIELDS = ("gender", "name", "location", "email", "login", "dob", "registered", "phone", "cell", "id", "picture", "nat")


class FormatUnknown(TerminalError):
    """The stand-in writes JSON only; the API itself also knows CSV, YAML and XML."""

    def __init__(self, wanted: str) -> None:
        super().__init__(f"format {wanted!r} is not available here: leave the parameter out or use format=json")


@dataclass(frozen=True)
class Question:
    """What one request asks for."""

    wish: Wish
    results: int
    fields: tuple[str, ...]


def read_question(query: Mapping[str, str]) -> Question:
    """Read a query string.

    As in the API, `results` outside 1-5000 means 1, and so does `page` outside 1-10000. An unknown nationality means
    all. `gender` counts only without a seed. Unknown fields and parameters are ignored.

    :raises FormatUnknown: for any format but JSON.
    """
    written = query.get("format") or query.get("fmt") or "json"
    if written.lower() != "json":
        raise FormatUnknown(written)
    seed = query.get("seed", "")
    wish = Wish(
        seed=seed or secrets.token_hex(8),
        page=_whole_number(query.get("page"), maximum=MAX_PAGE),
        nationalities=_nationalities(query.get("nat") or query.get("nationality") or ""),
        gender=None if seed else _gender(query.get("gender")),
    )
    return Question(
        wish,
        _whole_number(query.get("results"), maximum=MAX_RESULTS),
        _fields(query.get("inc", ""), query.get("exc", "")),
    )


def _whole_number(written: str | None, *, maximum: int) -> int:
    # The length guard spares int() a number of a million digits.
    if written is None or len(written) > len(str(maximum)) or not (written.isascii() and written.isdigit()):
        return 1
    return number if 1 <= (number := int(written)) <= maximum else 1


def _gender(written: str | None) -> str | None:
    return written if written in ("male", "female") else None


def _nationalities(written: str) -> tuple[str, ...]:
    codes = tuple(code for code in written.upper().split(",") if code)
    return codes if all(code in NATIONALITIES for code in codes) else ()


def _fields(included: str, excluded: str) -> tuple[str, ...]:
    wanted = _words(included) or set(FIELDS)
    return tuple(field for field in FIELDS if field in wanted - _words(excluded))


def _words(written: str) -> set[str]:
    return {word.strip().lower() for word in written.split(",") if word}
