"""What the views must hold, by plain SQL against plain CQL: shares no code with the engine or `verify`."""

from __future__ import annotations

import time
from typing import Any

from tests.patience import PATIENCE_S
from tests.stack import Stack

_BY_ID = """
SELECT id::text, email, username, title, first_name, last_name, gender, date_of_birth::text,
       (extract(epoch FROM registered) * 1000)::bigint, phone, cell, nationality, street_number, street_name, city,
       state, country, postcode, latitude::text, longitude::text, timezone::text, national_id::text, picture::text
FROM public.users
"""
_BY_ID_COLUMNS = (
    "id, email, username, title, first_name, last_name, gender, date_of_birth, registered, phone, cell, nationality,"
    " street_number, street_name, city, state, country, postcode, latitude, longitude, timezone, national_id, picture"
)
_BY_COUNTRY = """
SELECT country, (extract(epoch FROM registered) * 1000)::bigint, id::text, first_name, last_name, email, city, state,
       latitude::text, longitude::text
FROM public.users
"""
_BY_COUNTRY_COLUMNS = "country, registered, id, first_name, last_name, email, city, state, latitude, longitude"

_STATS = """
SELECT country, count(*), count(*) FILTER (WHERE gender = 'female'), count(*) FILTER (WHERE gender = 'male'),
       round(avg(extract(year FROM age((registered AT TIME ZONE 'UTC')::date, date_of_birth))), 6)::text
FROM public.users
GROUP BY country
"""
_STATS_COLUMNS = "country, users, women, men, mean_age"


def differences(stack: Stack) -> list[str]:
    """Return what the views hold too much and too little; empty when all are exact."""
    return [
        *_compare("users_by_id", stack.sql(_BY_ID), _rows(stack, "users_by_id", _BY_ID_COLUMNS)),
        *_compare("users_by_country", stack.sql(_BY_COUNTRY), _rows(stack, "users_by_country", _BY_COUNTRY_COLUMNS)),
        *_compare("user_stats_by_country", stack.sql(_STATS), _rows(stack, "user_stats_by_country", _STATS_COLUMNS)),
    ]


def wait_until_exact(stack: Stack) -> None:
    """Wait until the views equal Postgres; fail with the first differences at the deadline."""
    deadline, pause_s = time.monotonic() + PATIENCE_S, 0.05
    while found := differences(stack):
        assert time.monotonic() < deadline, f"{len(found)} differences after {PATIENCE_S} s:\n" + "\n".join(found[:10])
        time.sleep(pause_s)
        # What takes long needs the processors more than it needs to be looked at.
        pause_s = min(2 * pause_s, 2.0)


def _rows(stack: Stack, table: str, columns: str) -> list[tuple[Any, ...]]:
    # The driver's own datetimes go through floats and miss milliseconds.
    asked = columns.replace("registered", "toUnixTimestamp(registered) AS registered")
    written = "email" if "email" in columns else "users"
    extras = f"row_version, writetime({written}) AS written_at"
    rows = stack.cql(f"SELECT {asked}, {extras} FROM {stack.config.names.keyspace}.{table}")
    for row in rows:
        # Every write carries its version, and the row says the same number.
        assert row["row_version"] is not None
        assert row["written_at"] == row["row_version"]
    return [tuple(_plain(row[name]) for name in columns.split(", ")) for row in rows]


def _plain(value: Any) -> Any:
    """Write a driver's value as the SQL above writes it."""
    return str(value) if type(value).__name__ in {"UUID", "Date", "Decimal"} else value


def _compare(view: str, expected: list[tuple[Any, ...]], actual: list[tuple[Any, ...]]) -> list[str]:
    missing, extra = set(expected) - set(actual), set(actual) - set(expected)
    return [f"{view} lacks {row}" for row in missing] + [f"{view} has {row}" for row in extra]
