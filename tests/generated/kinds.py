"""Kinds of columns: how their values are made, what Postgres says of them, and what Cassandra must hold.

It shares nothing with the engine: values are compared as plain SQL and plain CQL give them.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

Make = Callable[[Random], str]


def _as_it_is(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Kind:
    """A type of columns.

    :param sql: its name in SQL.
    :param make: makes a value as text that can be cast to it.
    :param asked: what is asked of Postgres for a column `{}`.
    :param read: brings a value of Cassandra's driver into that form.
    :param cql: what is asked of Cassandra for a column `{}`.
    :param may_be_key: whether each value of it is a key of its own in Cassandra too.
    """

    sql: str
    make: Make
    asked: str = "{}"
    read: Callable[[Any], Any] = _as_it_is
    cql: str = "{}"
    may_be_key: bool = True


TEXTS = (
    "a",
    "B",
    " ",
    "a b",
    "ä€",
    "\U0001f600",
    "NULL",
    "'",
    '"',
    "\\",
    "a,b",
    "x/y",
    "{",
    "%",
    "\n",
    "true",
    "q" * 300,
)


def _text(longest: int) -> Make:
    fit = [each for each in TEXTS if len(each) < longest]
    return lambda rng: (rng.choice(fit) + str(rng.randrange(100)))[:longest]


def _int(bits: int) -> Make:
    edges = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, 0, -1)
    return lambda rng: str(rng.choice([*edges, rng.randrange(-1000, 1000), rng.randrange(*edges[:2])]))


def _decimal(digits: int, scale: int) -> Make:
    return lambda rng: (
        f"{rng.choice(['', '-'])}{rng.randrange(10 ** (digits - scale))}.{rng.randrange(10**scale):0{scale}}"
    )


def _float(form: str) -> Make:
    def make(rng: Random) -> str:
        made: float = struct.unpack(form, struct.pack(form, rng.choice([0.1, -1.5, 1e30, 3.0, rng.random()])))[0]
        return rng.choice([repr(made), "NaN", "Infinity", "-Infinity", "-0"])

    return make


def _moment(fraction: int) -> Make:
    def make(rng: Random) -> str:
        day = f"{rng.choice([1583, 1969, 1970, 2000, 2026, 9999])}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
        clock = f"{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}"
        return f"{day} {clock}.{rng.randrange(10**fraction):0{fraction}}"

    return make


def _time(rng: Random) -> str:
    return f"{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}.{rng.randrange(10**6):06}"


def _json(rng: Random) -> str:
    return json.dumps(rng.choice([None, 1, 1.50, "ä", [], {"a": [1, None]}, {"b": 2, "a": rng.random()}]))


def _array(make: Make) -> Make:
    def made(rng: Random) -> str:
        values = [make(rng).replace("\\", "\\\\").replace('"', '\\"') for _ in range(rng.randrange(4))]
        return "{" + ",".join(f'"{value}"' for value in values) + "}"

    return made


def _hexadecimal(length: int) -> Make:
    return lambda rng: rng.randbytes(length).hex()


_MILLIS = "floor(extract(epoch FROM {}) * 1000)::bigint"
_MONTHS, _DAYS = "extract(year FROM {0}) * 12 + extract(month FROM {0})", "extract(day FROM {0})"
_MICROS = "extract(hour FROM {0}) * 3600000000 + extract(minute FROM {0}) * 60000000 + extract(microseconds FROM {0})"

KINDS = (
    Kind("smallint", _int(16)),
    Kind("integer", _int(32)),
    Kind("bigint", _int(64)),
    Kind("numeric(10,2)", _decimal(10, 2), "{}::text", lambda value: f"{value:f}"),
    Kind("numeric(38,20)", _decimal(38, 20), "{}::text", lambda value: f"{value:f}", may_be_key=False),
    Kind("numeric", _decimal(25, 7), "{}::text", lambda value: f"{value:f}", may_be_key=False),
    Kind("real", _float(">f"), "encode(float4send({}), 'hex')", lambda v: struct.pack(">f", v).hex(), may_be_key=False),
    Kind(
        "double precision",
        _float(">d"),
        "encode(float8send({}), 'hex')",
        lambda v: struct.pack(">d", v).hex(),
        may_be_key=False,
    ),
    Kind("text", _text(1000)),
    Kind("character varying(20)", _text(20)),
    Kind("character(5)", _text(5)),
    Kind("boolean", lambda rng: rng.choice(["true", "false"])),
    Kind("uuid", _hexadecimal(16), "{}::text", str),
    Kind("date", lambda rng: _moment(1)(rng)[:10], "{} - DATE '1970-01-01'", lambda value: value.days_from_epoch),
    Kind(
        "time",
        _time,
        f"({_MICROS})::bigint",
        lambda value: value.nanosecond_time // 1000,
    ),
    Kind("timestamp(3)", _moment(3), _MILLIS, cql="toUnixTimestamp({})"),
    Kind("timestamp(3) with time zone", _moment(3), _MILLIS, cql="toUnixTimestamp({})"),
    # A view that `views new` writes cuts these, which a key must not be.
    Kind("timestamp", _moment(6), _MILLIS, cql="toUnixTimestamp({})", may_be_key=False),
    Kind("timestamptz", _moment(6), _MILLIS, cql="toUnixTimestamp({})", may_be_key=False),
    Kind(
        "interval",
        lambda rng: f"{rng.randrange(3)} years {rng.randrange(20)} months {rng.randrange(99)} days {_time(rng)}",
        f"json_build_array({', '.join(f'({part})::bigint' for part in (_MONTHS, _DAYS, _MICROS))})",
        lambda value: [value.months, value.days, value.nanoseconds // 1000],
        may_be_key=False,
    ),
    Kind("bytea", lambda rng: "\\x" + rng.randbytes(rng.randrange(1, 9)).hex(), "encode({}, 'hex')", bytes.hex),
    Kind("json", _json, "{}::text", may_be_key=False),
    Kind("jsonb", _json, "{}::text", may_be_key=False),
    Kind("inet", lambda rng: rng.choice(["10.0.0.1", "::1", f"192.168.0.{rng.randrange(256)}"]), "host({})", str),
    Kind("cidr", lambda rng: rng.choice(["10.0.0.0/8", "192.168.1.0/24"]), "{}::text"),
    Kind("macaddr", lambda rng: ":".join(f"{each:02x}" for each in rng.randbytes(6)), "{}::text"),
    Kind("integer[]", _array(_int(32)), "to_json({})", list, may_be_key=False),
    Kind("text[]", _array(_text(50)), "to_json({})", list, may_be_key=False),
    Kind("generated_mood", lambda rng: rng.choice(["so so", "well", "Ärger"]), "{}::text"),
    Kind("generated_small", lambda rng: str(rng.randrange(1, 99))),
    Kind("generated_word", _text(20)),
)
"""Every kind; the last ones are types of TYPES."""

TYPES = """
CREATE TYPE generated_mood AS ENUM ('so so', 'well', 'Ärger');
CREATE DOMAIN generated_small AS integer CHECK (value > 0);
CREATE DOMAIN generated_word AS character varying(20);
"""
NO_TYPES = "DROP DOMAIN generated_word; DROP DOMAIN generated_small; DROP TYPE generated_mood"
