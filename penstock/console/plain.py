"""Values of every system as JSON has them, in text that loses nothing where JSON has no type; durations for people."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from math import inf, isfinite
from typing import Any

UNKNOWN = "\N{EN DASH}"
"""What stands where nobody knows a figure."""


def plain(value: Any) -> Any:
    """Return the value in dicts, lists, text, numbers, booleans and None."""
    if isinstance(value, float) and not isfinite(value):
        return {inf: "Infinity", -inf: "-Infinity"}.get(value, "NaN")  # JSON has no such numbers
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, dict):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, datetime | date) else str(value)


def shown(value: Any) -> str:
    """Write a plain value in one line for people."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def duration(seconds: float) -> str:
    """Write a duration for people: `0.4 s`, `12 s`, `3 min 5 s`, `2 h 4 min`, `3 d 2 h`."""
    seconds = max(0.0, seconds)
    if seconds < 10:
        return f"{seconds:.1f} s"
    for limit, big, small, unit in (
        (60, 1, 1, ("s", "")),
        (3600, 60, 1, ("min", "s")),
        (86400, 3600, 60, ("h", "min")),
    ):
        if seconds < limit:
            return _two(int(seconds), big, small, unit)
    return _two(int(seconds), 86400, 3600, ("d", "h"))


def _two(seconds: int, big: int, small: int, unit: tuple[str, str]) -> str:
    whole, rest = divmod(seconds, big)
    return f"{whole} {unit[0]}" + (f" {rest // small} {unit[1]}" if unit[1] else "")
