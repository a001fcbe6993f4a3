"""Values of CQL as Python holds them exactly: what the driver rounds, or Python has no type for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROS_IN_MILLI = 1000


@dataclass(frozen=True, order=True)
class Instant:
    """A point in time of any year, exact to the microsecond."""

    micros: int

    @classmethod
    def of(cls, moment: datetime) -> Instant:
        """Take a datetime; one without zone is UTC."""
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return cls((aware - _EPOCH) // timedelta(microseconds=1))

    def __str__(self) -> str:
        try:
            return str(_EPOCH + timedelta(microseconds=self.micros))
        except OverflowError:  # a year that Python's datetime does not have
            return f"{self.micros} microseconds after 1970"


def selected(cql_type: str, quoted_name: str) -> str:
    """Write the selection of a column so that the driver brings it exactly."""
    # The driver turns milliseconds into seconds as a float, which is a microsecond off now and then.
    return f"toUnixTimestamp({quoted_name}) AS {quoted_name}" if cql_type == "timestamp" else quoted_name


def exact(cql_type: str, value: Any) -> Any:
    """Turn what the driver brought for a `selected` column into the exact value.

    timestamp -> Instant, inet -> IPv4Address or IPv6Address, lists of them likewise. Anything else is exact already:
    text -> str, uuid -> UUID, date -> cassandra.util.Date, time -> Time, duration -> Duration, decimal -> Decimal.
    """
    if value is None:
        return None
    element = re.fullmatch(r"(?:frozen<)?(?:list|set)<(\w+)>>?", cql_type)
    if element:
        return [_element(element[1], one) for one in value]
    return Instant(value * _MICROS_IN_MILLI) if cql_type == "timestamp" else _element(cql_type, value)


def bindable(cql_type: str, value: Any) -> Any:
    """Turn a value into what the driver binds exactly."""
    if value is None:
        return None
    match cql_type:
        case "uuid":
            return UUID(str(value))
        case "inet":
            return str(value)
        case "timestamp":
            return value.micros // _MICROS_IN_MILLI
    return value


def _element(cql_type: str, value: Any) -> Any:
    if cql_type == "inet":
        return ip_address(value)
    if isinstance(value, datetime):
        # Inside a list nothing but the driver's float is to be had; it is right to the millisecond, which is all.
        return Instant(round(Instant.of(value).micros / _MICROS_IN_MILLI) * _MICROS_IN_MILLI)
    return value
