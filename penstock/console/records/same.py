"""Tells whether two stores hold the same value, each written in its own way."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from penstock.cassandra.values import Instant
from penstock.keys.values import is_equal

_EPOCH_DAY = date(1970, 1, 1)


def is_same(one: Any, other: Any, sql_type: str = "") -> bool:
    """Return whether two plain values stand for the same: `2010-05-06T07:08:09Z` and `2010-05-06 07:08:09+00:00` do.

    :param sql_type: of the column, where it is known.
    """
    if one == other:
        return True
    if one is None or other is None:
        return False
    # Each store writes an interval in its own way, which nothing here reads.
    if sql_type.startswith("interval") or is_equal(sql_type, one, other):
        return True
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
