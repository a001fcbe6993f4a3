"""Tells whether two stores hold the same value, each written in its own way, and puts text into Cassandra's types."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from penstock.cassandra.values import Instant

_EPOCH_DAY = date(1970, 1, 1)


def is_same(one: Any, other: Any) -> bool:
    """Tell whether two plain values stand for the same: `2010-05-06T07:08:09Z` and `2010-05-06 07:08:09+00:00` do."""
    if one == other:
        return True
    if one is None or other is None:
        return False
    return any(_agree(one, other, as_one) for as_one in (_moment, _day, _number, _document))


def _agree(one: Any, other: Any, as_one: Any) -> bool:
    first, second = as_one(one), as_one(other)
    return first is not None and first == second


def _moment(value: Any) -> int | None:
    if not isinstance(value, str) or len(value) < 16:
        return None
    try:
        return Instant.of(datetime.fromisoformat(value)).micros
    except ValueError:
        return None


def _day(value: Any) -> int | None:
    """Days since 1970: Debezium writes a date so."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        return (date.fromisoformat(value) - _EPOCH_DAY).days if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        return None


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def _document(value: Any) -> Any:
    if isinstance(value, dict | list):
        return value
    if isinstance(value, str) and value.startswith(("{", "[")):
        try:
            return json.loads(value, parse_float=str)
        except ValueError:
            return None
    return None


def as_cql(cql_type: str, value: Any) -> Any:
    """Turn a plain value into what a key of this type is read by (`ViewTable.pick`).

    :raises ValueError: it is no such value.
    """
    match cql_type:
        case "int" | "bigint" | "smallint" | "tinyint" | "varint":
            return int(value)
        case "decimal":
            return Decimal(str(value))
        case "double" | "float":
            return float(value)
        case "boolean":
            return value if isinstance(value, bool) else value == "true"
        case "timestamp":
            moment = datetime.fromisoformat(str(value))
            return Instant.of(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    return str(value)
