"""Reads what differs from nation to nation in the API from `nationalities.toml`, which explains itself."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Nationality:
    """One nation: how its numbers are written, and where its names and places come from."""

    code: str
    country: str
    locale: str
    phone: str
    cell: str
    id_name: str = ""
    id_pattern: str | None = None
    """None: the API gives these people an id with an empty name and a null value."""
    postcode: str = "#####"
    is_postcode_number: bool = True
    male_title: str = "Mr"
    female_titles: tuple[str, ...] = ("Miss", "Ms", "Mrs")
    female_names: tuple[str, ...] = ()
    male_names: tuple[str, ...] = ()
    last_names: tuple[str, ...] = ()
    streets: tuple[str, ...] = ()
    cities: tuple[str, ...] = ()
    states: tuple[str, ...] = ()


def _nationality(code: str, table: dict[str, Any]) -> Nationality:
    lists_frozen: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in table.items()}
    return Nationality(code, **lists_frozen)


_DATA = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))

NATIONALITIES: dict[str, Nationality] = {code: _nationality(code, table) for code, table in _DATA["nations"].items()}
"""By code, in the API's own order."""

TIMEZONES: tuple[tuple[str, str], ...] = tuple((offset, description) for offset, description in _DATA["timezones"])
"""Offset and description."""

MOODS: tuple[str, ...] = tuple(_DATA["moods"])
ANIMALS: tuple[str, ...] = tuple(_DATA["animals"])
PASSWORDS: tuple[str, ...] = tuple(_DATA["passwords"])
