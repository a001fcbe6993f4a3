"""One text for each value and row, equal exactly when the contents are equal, whichever database they come from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from uuid import UUID

from cassandra.util import Date, Duration, Time

from penstock.cassandra.values import Instant
from penstock.errors import TerminalError

_EPOCH_DAY = date(1970, 1, 1)
_DIGEST_BYTES = 16


class ValueUnknown(TerminalError):
    """A value has a type that no view column can have."""

    def __init__(self, column: str, value: object) -> None:
        super().__init__(f"column {column} holds a {type(value).__name__}, which docs/types.md does not know")


def canonical_value(value: Any, *, column: str = "?") -> Any:
    """Return the value as JSON knows it, tagged by type where two types could look alike.

    A uuid is its text. A decimal keeps its scale. A timestamp is exact to the microsecond, so one that was rounded on
    its way differs. A datetime without zone is UTC.

    :raises ValueUnknown: a type outside the contract.
    """
    if isinstance(value, list):
        return ["list", *(canonical_value(element, column=column) for element in value)]
    if type(value) not in _CANONICAL:
        raise ValueUnknown(column, value)
    return _CANONICAL[type(value)](value)


def _decimal(value: Decimal) -> list[str]:
    sign, digits, exponent = value.as_tuple()
    return ["decimal", f"{'-' if sign else ''}{''.join(map(str, digits))}E{exponent}"]


def _as_it_is(value: Any) -> Any:
    return value


_CANONICAL: dict[type, Callable[[Any], Any]] = {
    **dict.fromkeys((type(None), str, bool, int), _as_it_is),
    **dict.fromkeys((bytes, bytearray), lambda value: ["bytes", value.hex()]),
    **dict.fromkeys((IPv4Address, IPv6Address), lambda value: ["inet", str(value)]),
    float: lambda value: ["float", value.hex()],
    Decimal: _decimal,
    UUID: str,
    Instant: lambda value: ["timestamp", value.micros],
    datetime: lambda value: ["timestamp", Instant.of(value).micros],
    Date: lambda value: ["date", value.days_from_epoch],
    date: lambda value: ["date", (value - _EPOCH_DAY).days],
    Time: lambda value: ["time", value.nanosecond_time],
    Duration: lambda value: ["duration", value.months, value.days, value.nanoseconds],
}


def canonical_key(row: Mapping[str, Any], key: Sequence[str]) -> bytes:
    """Return the key of a row as compact bytes; rows of one key give the same bytes from either side."""
    return _encode(row, key)


def key_values(encoded: bytes, key: Sequence[str]) -> dict[str, Any]:
    """Return the values behind a canonical key, so that its row can be read again; a uuid comes as text."""
    return {column: _value(value) for column, value in zip(key, json.loads(encoded), strict=True)}


def digest(row: Mapping[str, Any], columns: Sequence[str]) -> bytes:
    """Return 16 bytes that stand for the contents of a row (BLAKE2b: that two contents collide is out of reach)."""
    return blake2b(_encode(row, columns), digest_size=_DIGEST_BYTES).digest()


def _encode(row: Mapping[str, Any], columns: Sequence[str]) -> bytes:
    values = [canonical_value(row[column], column=column) for column in columns]
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()


def _value(canonical: Any) -> Any:
    match canonical:
        case ["float", text]:
            return float.fromhex(text)
        case ["decimal", text]:
            return Decimal(text)
        case ["timestamp", microseconds]:
            return Instant(microseconds)
        case ["date", days]:
            return Date(days)
        case ["time", nanoseconds]:
            return Time(nanoseconds)
        case ["inet", text]:
            return ip_address(text)
        case ["bytes", text]:
            return bytes.fromhex(text)
    return canonical
