"""A primary key as one text: the same in the console's addresses and forms, in its API, and on the command line.

The values stand in the key's order with commas between, each as Postgres writes it. A value stands in double quotes
when it is empty, begins with a quote or has a blank at an end. So does one with a comma in a key of several columns. A
quote in it is doubled.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from penstock.errors import TerminalError

_VALUE = re.compile(r'\s*+(?:"((?:[^"]|"")*)"\s*|(?!")([^,]*))(?:(,)|\Z)')
_ALONE = re.compile(r'\s*"((?:[^"]|"")*)"\s*\Z')


class KeyTextInvalid(TerminalError):
    """A text is no key of so many values."""

    def __init__(self, text: str, wanted: int, problem: str) -> None:
        commas = f"give {wanted} values with commas between" if wanted > 1 else "give its value"
        super().__init__(
            f"{text!r} is no key: {problem}; {commas}, one that is empty, has a comma or begins with a quote in double "
            "quotes"
        )


def write_key(values: Sequence[str]) -> str:
    """Write the values of a key as one text."""
    return ",".join(_written(value, is_alone=len(values) == 1) for value in values)


def read_key(text: str, count: int) -> tuple[str, ...]:
    """Read the values of a key of so many columns.

    :raises KeyTextInvalid: it is no such key.
    """
    values = _alone(text) if count == 1 else _several(text, count)
    if len(values) != count:
        raise KeyTextInvalid(text, count, f"it has {len(values)} values")
    if any("\0" in value for value in values):
        raise KeyTextInvalid(text, count, "no value of Postgres has the character 0")
    return values


def _written(value: str, *, is_alone: bool) -> str:
    is_plain = value and value == value.strip() and not value.startswith('"') and (is_alone or "," not in value)
    return value if is_plain else '"' + value.replace('"', '""') + '"'


def _alone(text: str) -> tuple[str, ...]:
    quoted = _ALONE.match(text)
    if quoted:
        return (quoted[1].replace('""', '"'),)
    if not text.strip():
        raise KeyTextInvalid(text, 1, 'it is empty; the empty text is written ""')
    return (text.strip(),)


def _several(text: str, count: int) -> tuple[str, ...]:
    values, at, more = [], 0, True
    while more:
        found = _VALUE.match(text, at)
        if found is None:
            raise KeyTextInvalid(text, count, "a quote is not closed, or something follows it")
        quoted, plain, comma = found.groups()
        if quoted is None and not plain.strip():
            raise KeyTextInvalid(text, count, 'a value is missing; the empty text is written ""')
        values.append(plain.strip() if quoted is None else quoted.replace('""', '"'))
        at, more = found.end(), comma is not None
    return tuple(values)
