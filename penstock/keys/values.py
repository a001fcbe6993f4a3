"""A value of a Postgres column in the forms that it has on its way: as Postgres writes it, Debezium, a view, Cassandra.

Types are as `format_type` names them, with their limits, of a domain its base type.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from cassandra.util import Date, Time

from penstock.cassandra.values import Instant

_LIMITS = re.compile(r"\s*\(([\d,\s-]*)\)")
_EPOCH, _EPOCH_DAY = datetime(1970, 1, 1, tzinfo=UTC), date(1970, 1, 1)
_CYCLE_DAYS, _CYCLE_YEARS = 146_097, 400  # the calendar repeats itself
_DATE = re.compile(r"(\d{4,})-(\d\d)-(\d\d)\Z")
_TIME = re.compile(r"(\d+):(\d\d)(?::(\d\d)(?:\.(\d+))?)?\Z")
_MILLI, _SECOND = 1_000, 1_000_000
_TRUE, _FALSE = {"true", "t", "yes", "on", "1", "y"}, {"false", "f", "no", "off", "0", "n"}


def base_of(sql_type: str) -> str:
    """Name a type without its limits: `timestamp without time zone` for `timestamp(3) without time zone`."""
    return _LIMITS.sub("", sql_type)


def castable(sql_type: str) -> str:
    """Name a type as a key's text can be cast to it and stay whole: `character` alone would cut it to one."""
    base = base_of(sql_type)
    return "bpchar" if base == "character" else base


def canonical(sql_type: str, value: Any) -> Any:
    """Return what is equal for two forms of the same value, whichever they are; None stays None.

    A value that is none of its type stays as it is.
    """
    if value is None:
        return None
    try:
        return _CANONICAL.get(base_of(sql_type), _as_it_is)(sql_type, value)
    except (ValueError, TypeError, ArithmeticError, struct.error):
        return value


def is_equal(sql_type: str, one: Any, other: Any) -> bool:
    """Return whether two forms stand for the same value; what views cut is equal to what it was cut from."""
    first, second = canonical(sql_type, one), canonical(sql_type, other)
    if first == second:
        return True
    if not sql_type.startswith("timestamp") or not isinstance(first, int) or not isinstance(second, int):
        return False
    return first // _MILLI == second // _MILLI and not (first % _MILLI and second % _MILLI)


def postgres_text(sql_type: str, value: Any) -> str:
    """Write a plain value of any store as Postgres takes it."""
    known = canonical(sql_type, value)
    base = base_of(sql_type)
    if base == "boolean" and isinstance(known, bool):
        return "true" if known else "false"
    if not isinstance(known, int) or isinstance(known, bool):
        return f"\\x{known}" if base == "bytea" else str(value)
    if base == "date":
        return date_text(known)
    if base.startswith("timestamp"):
        return _moment_text(known) + ("+00" if base.endswith("with time zone") else "")
    return _time_text(known) if base.startswith("time") else str(value)


def as_cql(cql_type: str, value: Any, sql_type: str) -> Any:
    """Turn a plain value of any store into what a key of this CQL type is read by (`ViewTable.pick`).

    :raises ValueError: it is no such value.
    """
    known = canonical(sql_type, value)
    if sql_type == "numeric" and isinstance(known, Decimal):
        known = _shortest(known)
    make = _AS_CQL.get(cql_type)
    return str(value) if make is None else make(known)


def _shortest(number: Decimal) -> Decimal:
    """Return the form that a key of a `numeric` without limits has in a view: no zeros at the end of a fraction."""
    text = f"{number:f}"
    short = text.rstrip("0").rstrip(".") if "." in text else text
    return Decimal("0" if short == "-0" else short)


def date_text(days: int) -> str:
    """Write a date, of any year, by its days since 1970."""
    cycles, rest = divmod(days + (_EPOCH_DAY - date(400, 1, 1)).days, _CYCLE_DAYS)
    day = date(400, 1, 1) + timedelta(days=rest)
    return f"{day.year + cycles * _CYCLE_YEARS:04}-{day:%m-%d}"


def _as_it_is(_: str, value: Any) -> Any:
    return value


def _boolean(_: str, value: Any) -> bool:
    text = str(value).lower()
    if text not in _TRUE | _FALSE:
        raise ValueError(text)
    return text in _TRUE


def _date(_: str, value: Any) -> int:
    if isinstance(value, int):
        return value
    found = _DATE.match(str(value))
    if found is None:
        raise ValueError(value)
    year, month, day = map(int, found.groups())
    cycles = year // _CYCLE_YEARS - 1
    return (date(year - cycles * _CYCLE_YEARS, month, day) - _EPOCH_DAY).days + cycles * _CYCLE_DAYS


def _timestamp(sql_type: str, value: Any) -> int:
    if isinstance(value, int):
        limits = _LIMITS.search(sql_type)
        # Debezium counts milliseconds where the column has no more.
        return value * _MILLI if limits and int(limits[1]) <= 3 and "without" in sql_type else value
    return Instant.of(datetime.fromisoformat(str(value))).micros


def _time(_: str, value: Any) -> int:
    if isinstance(value, int):
        return value
    found = _TIME.match(str(value))
    if found is None:
        raise ValueError(value)
    hours, minutes, seconds, fraction = (part or "0" for part in found.groups())
    return ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * _SECOND + int(fraction[:6].ljust(6, "0"))


def _number(_: str, value: Any) -> Decimal:
    return Decimal(str(value))


def _float(sql_type: str, value: Any) -> str:
    number = float(value)
    return repr(struct.unpack("f", struct.pack("f", number))[0] if sql_type == "real" else number)


def _bytes(_: str, value: Any) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    return bytes.fromhex(str(value).removeprefix("\\x")).hex()


def _padded(_: str, value: Any) -> str:
    return str(value).rstrip(" ")  # a `character` is equal to itself without its padding


def _lower(_: str, value: Any) -> str:
    return str(value).lower()


_CANONICAL: dict[str, Callable[[str, Any], Any]] = {
    "boolean": _boolean,
    "date": _date,
    "timestamp without time zone": _timestamp,
    "timestamp with time zone": _timestamp,
    "time without time zone": _time,
    "bytea": _bytes,
    "uuid": _lower,
    "character": _padded,
    **dict.fromkeys(("smallint", "integer", "bigint", "numeric"), _number),
    **dict.fromkeys(("real", "double precision"), _float),
}

_AS_CQL: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("int", "bigint", "smallint", "tinyint", "varint"), int),
    "decimal": lambda known: Decimal(str(known)),
    **dict.fromkeys(("double", "float"), float),
    "boolean": lambda known: known if isinstance(known, bool) else _boolean("", known),
    "timestamp": lambda known: Instant(known if isinstance(known, int) else _timestamp("", known)),
    "date": lambda known: Date(known if isinstance(known, int) else _date("", known)),
    "time": lambda known: Time((known if isinstance(known, int) else _time("", known)) * 1000),
    "blob": lambda known: bytes.fromhex(_bytes("", known)),
}


def _moment_text(micros: int) -> str:
    days, rest = divmod(micros, 86_400 * _SECOND)
    return f"{date_text(days)} {_time_text(rest)}"


def _time_text(micros: int) -> str:
    seconds, fraction = divmod(micros, _SECOND)
    minutes, second = divmod(seconds, 60)
    whole = f"{minutes // 60:02}:{minutes % 60:02}:{second:02}"
    return f"{whole}.{fraction:06}" if fraction else whole
