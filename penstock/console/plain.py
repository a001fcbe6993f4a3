"""Values of every system as JSON has them: what has no JSON type becomes text that loses nothing."""

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
