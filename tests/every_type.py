"""One column of each Postgres type, its CQL type, and extreme values with what Cassandra must hold for each.

Written by hand, from what Postgres and CQL say of their types: nothing here is computed by the engine.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from decimal import Decimal
from ipaddress import ip_address
from typing import Any
from uuid import UUID

from cassandra.util import Date, Duration, Time

from penstock.cassandra.values import Instant

TYPES = """
CREATE TYPE public.mood AS ENUM ('sad', 'o''dd, "label" 🙂');
CREATE DOMAIN public.positive AS integer CHECK (value > 0);
CREATE DOMAIN public.label AS varchar(20) NOT NULL DEFAULT '';
CREATE DOMAIN public.later AS timestamptz(3);
CREATE DOMAIN public.feeling AS public.mood;
CREATE DOMAIN public.moment AS timestamp;
CREATE DOMAIN public.clock AS time;
CREATE DOMAIN public.day AS date;
CREATE DOMAIN public.span AS interval;
CREATE DOMAIN public.bytes AS bytea;
"""
MEGABYTE = "0123456789abcdeå" * 2**16
_DAY_S = 86400


@dataclass(frozen=True)
class Refused:
    """The value reaches no view; the dead letter says so with these words."""

    reason: str


@dataclass(frozen=True)
class Typed:
    """A column and its values: (Postgres literal or None for NULL, what Cassandra holds or Refused)."""

    name: str
    sql: str
    cql: str
    values: tuple[tuple[str | None, Any], ...]


def at(*, days: int = 0, micros: int = 0) -> Instant:
    return Instant(days * _DAY_S * 1_000_000 + micros)


def single(number: float) -> float:
    """Round as a 32-bit float does."""
    return float(struct.unpack("f", struct.pack("f", number))[0])


NO_VIEW = Refused("holds what no view can")
MICROS = Refused("has microseconds")
MASK = Refused("is not one address")
FF = UUID("ffffffff-ffff-ffff-ffff-ffffffffffff")
NAN = float("nan")
INFINITY = float("inf")
NINES = "-" + "9" * 28 + "." + "9" * 10

COLUMNS = (
    Typed("c_smallint", "smallint", "int", (("-32768", -32768), ("32767", 32767))),
    Typed("c_integer", "integer", "int", (("-2147483648", -(2**31)), ("2147483647", 2**31 - 1))),
    Typed("c_bigint", "bigint", "bigint", (("-9223372036854775808", -(2**63)), ("9223372036854775807", 2**63 - 1))),
    Typed("c_numeric", "numeric(7,4)", "decimal", (("1.5", Decimal("1.5000")), ("NaN", NO_VIEW))),
    Typed("c_numeric38", "numeric(38,10)", "decimal", ((NINES, Decimal(NINES)),)),
    Typed("c_numeric_small", "numeric(3,5)", "decimal", (("0.00123", Decimal("0.00123")),)),
    Typed("c_numeric60", "numeric(60,30)", "decimal", (("1e29", Decimal("1" + "0" * 29 + "." + "0" * 30)),)),
    Typed(
        "c_unlimited",
        "numeric",
        "decimal",
        (
            ("1e60", Decimal("1" + "0" * 60)),
            ("1e30", Decimal("1" + "0" * 30)),
            ("-1e-30", Decimal("-0." + "0" * 29 + "1")),
            ("1.500", Decimal("1.500")),
            ("0", Decimal("0")),
            ("NaN", NO_VIEW),
            ("Infinity", NO_VIEW),
            ("-Infinity", NO_VIEW),
        ),
    ),
    Typed(
        "c_real",
        "real",
        "float",
        (("1.1", single(1.1)), ("NaN", NAN), ("Infinity", INFINITY), ("-0", -0.0), ("1e-45", single(1e-45))),
    ),
    Typed(
        "c_double",
        "double precision",
        "double",
        (("0.1", 0.1), ("NaN", NAN), ("-Infinity", -INFINITY), ("-0", -0.0), ("5e-324", 5e-324)),
    ),
    Typed("c_text", "text", "text", (("", ""), ("Å🙂\u00a0x\n", "Å🙂\u00a0x\n"), (MEGABYTE, MEGABYTE))),
    Typed("c_varchar", "varchar(10)", "text", (("abc  ", "abc  "),)),
    Typed("c_char", "char(5)", "text", (("ab", "ab   "), ("", "     "))),
    Typed("c_boolean", "boolean", "boolean", (("t", True), ("f", False))),
    Typed("c_uuid", "uuid", "uuid", (("FFFFFFFF-ffff-ffff-ffff-ffffffffffff", FF),)),
    Typed(
        "c_date",
        "date",
        "date",
        (
            ("0001-01-01", Date(-719162)),
            ("1500-02-28", Date(-171606)),
            ("9999-12-31", Date(2932896)),
            ("10000-01-01", Date(2932897)),
            ("5874897-12-31", Date(2145042905)),
            ("infinity", NO_VIEW),
            ("-infinity", NO_VIEW),
        ),
    ),
    Typed(
        "c_time",
        "time",
        "time",
        (("00:00", Time(0)), ("23:59:59.999999", Time(86399999999000)), ("24:00", Refused("is 24:00"))),
    ),
    Typed("c_time0", "time(0)", "time", (("12:34:56", Time(45296 * 10**9)),)),
    Typed(
        "c_timestamp",
        "timestamp",
        "timestamp",
        (
            ("0001-01-01 00:00", at(days=-719162)),
            ("1500-02-28 00:00:00.001", at(days=-171606, micros=1000)),
            ("1969-12-31 23:59:59.999", at(micros=-1000)),
            ("0044-03-15 12:00 BC", at(days=-735160, micros=12 * 3600 * 10**6)),
            ("10000-01-01 00:00", at(days=2932897)),
            ("2020-01-01 00:00:00.123456", MICROS),
            ("294276-12-31 23:59:59", NO_VIEW),
            ("infinity", NO_VIEW),
            ("-infinity", NO_VIEW),
        ),
    ),
    Typed("c_timestamp3", "timestamp(3)", "timestamp", (("1969-12-31 23:59:59.999", at(micros=-1000)),)),
    Typed(
        "c_timestamptz",
        "timestamptz",
        "timestamp",
        (
            ("0001-01-01 00:00+00", at(days=-719162)),
            ("1500-02-28 02:00:00.001+02", at(days=-171606, micros=1000)),
            ("0044-03-15 12:00+00 BC", at(days=-735160, micros=12 * 3600 * 10**6)),
            ("10000-01-01 00:00+00", at(days=2932897)),
            ("9999-12-31 23:59:59.999999+00", MICROS),
            ("294276-12-31 23:59:59+00", NO_VIEW),
            ("infinity", NO_VIEW),
            ("-infinity", NO_VIEW),
        ),
    ),
    Typed(
        "c_interval",
        "interval",
        "duration",
        (
            ("1 year 2 mons 3 days 04:05:06.789", Duration(14, 3, 14706789 * 10**6)),
            ("-1 year -2 mons -0.000001 s", Duration(-14, 0, -1000)),
            ("178000000 years", Duration(178000000 * 12, 0, 0)),
            ("100000:00:00.5", Duration(0, 0, 360000000500000000)),
            ("-2562046:59:59.999999", Duration(0, 0, -9223369199999999000)),
            ("0", Duration(0, 0, 0)),
            ("2562047:00:00", Refused("2,562,047 hours or more")),
            ("-2147483647:00:00", Refused("2,562,047 hours or more")),
            ("1 mon -1 day", Refused("mixes signs")),
            ("-1 day +1 hour", Refused("mixes signs")),
        ),
    ),
    Typed("c_bytea", "bytea", "blob", (("\\x", b""), ("\\x00ff00", b"\0\xff\0"), ("ab1234", b"ab1234"))),
    Typed("c_json", "json", "text", (('{"b": 1,  "a": [1.0, 1e400]}',) * 2,)),
    Typed("c_jsonb", "jsonb", "text", (('{"b": 1,  "a": 1.0}', '{"a": 1.0, "b": 1}'),)),
    Typed("c_enum", "public.mood", "text", (("sad", "sad"), ('o\'dd, "label" 🙂',) * 2)),
    Typed(
        "c_inet",
        "inet",
        "inet",
        (
            ("192.168.1.5", ip_address("192.168.1.5")),
            ("2001:DB8::1", ip_address("2001:db8::1")),
            ("192.168.1.5/24", MASK),
            ("::ffff:1.2.3.4", MASK),
        ),
    ),
    Typed("c_cidr", "cidr", "text", (("10.0.0.0/8", "10.0.0.0/8"), ("2001:db8::/32", "2001:db8::/32"))),
    Typed("c_macaddr", "macaddr", "text", (("08-00-2B-01-02-03", "08:00:2b:01:02:03"),)),
    Typed("c_macaddr8", "macaddr8", "text", (("08:00:2b:01:02:03:04:05",) * 2,)),
    Typed("c_positive", "public.positive", "int", (("5", 5),)),
    Typed("c_label", "public.label", "text", (("a label",) * 2,)),
    Typed("c_later", "public.later", "timestamp", (("1970-01-02 00:00:00.001+00", at(days=1, micros=1000)),)),
    Typed("c_feeling", "public.feeling", "text", (("sad", "sad"),)),
    Typed(
        "c_moment",
        "public.moment",
        "timestamp",
        (("1500-02-28 00:00:00.001", at(days=-171606, micros=1000)), ("2020-01-01 00:00:00.123456", MICROS)),
    ),
    Typed("c_clock", "public.clock", "time", (("23:59:59.999999", Time(86399999999000)),)),
    Typed("c_day", "public.day", "date", (("1500-02-28", Date(-171606)),)),
    Typed("c_span", "public.span", "duration", (("1 mon 2 days 00:00:03", Duration(1, 2, 3 * 10**9)),)),
    Typed("c_bytes", "public.bytes", "blob", (("\\x00ff00", b"\0\xff\0"),)),
    Typed(
        "a_integer",
        "integer[]",
        "frozen<list<int>>",
        (("{}", []), ("{1,-3}", [1, -3]), ("{1,NULL}", NO_VIEW), ("{{1,2},{3,4}}", NO_VIEW)),
    ),
    Typed("a_bigint", "bigint[]", "frozen<list<bigint>>", (("{9223372036854775807}", [2**63 - 1]),)),
    Typed(
        "a_numeric",
        "numeric(7,4)[]",
        "frozen<list<decimal>>",
        (("{1.5,2}", [Decimal("1.5000"), Decimal("2.0000")]), ("{{1},{2}}", NO_VIEW)),
    ),
    Typed("a_unlimited", "numeric[]", "frozen<list<decimal>>", (("{1e60,1.50}", [Decimal(10**60), Decimal("1.50")]),)),
    Typed("a_real", "real[]", "frozen<list<float>>", (("{1.1,NaN,-Infinity}", [single(1.1), NAN, -INFINITY]),)),
    Typed("a_double", "double precision[]", "frozen<list<double>>", (("{0.1,-0}", [0.1, -0.0]),)),
    Typed(
        "a_text",
        "text[]",
        "frozen<list<text>>",
        (
            ("{}", []),
            ('{a,"b,c","NULL","","\\"q\\\\","🙂"}', ["a", "b,c", "NULL", "", '"q\\', "🙂"]),
            ("{a,NULL}", NO_VIEW),
            ("{{a},{b}}", NO_VIEW),
        ),
    ),
    Typed("a_char", "char(3)[]", "frozen<list<text>>", (("{a}", ["a  "]),)),
    Typed("a_boolean", "boolean[]", "frozen<list<boolean>>", (("{t,f}", [True, False]),)),
    Typed("a_uuid", "uuid[]", "frozen<list<uuid>>", ((f"{{{FF}}}", [FF]), (f"{{{{{FF}}}}}", NO_VIEW))),
    Typed(
        "a_date",
        "date[]",
        "frozen<list<date>>",
        (("{0001-01-01,9999-12-31}", [Date(-719162), Date(2932896)]), ("{infinity}", NO_VIEW)),
    ),
    Typed(
        "a_timestamp",
        "timestamp(3)[]",
        "frozen<list<timestamp>>",
        (("{1969-12-31 23:59:59.999}", [at(micros=-1000)]), ("{1500-01-01}", NO_VIEW), ("{infinity}", NO_VIEW)),
    ),
    Typed(
        "a_timestamptz",
        "timestamptz[]",
        "frozen<list<timestamp>>",
        (
            ("{1970-01-01 02:00:00.001+02}", [at(micros=1000)]),
            ("{2020-01-01 00:00:00.000001+00}", Refused("microseconds")),
            ("{0044-03-15 12:00+00 BC}", NO_VIEW),
        ),
    ),
    Typed("a_bytea", "bytea[]", "frozen<list<blob>>", (('{"\\\\x00ff",""}', [b"\0\xff", b""]),)),
    Typed("a_jsonb", "jsonb[]", "frozen<list<text>>", (('{"{\\"a\\": 1}"}', ['{"a": 1}']), ("{{1}}", NO_VIEW))),
    Typed("a_enum", "public.mood[]", "frozen<list<text>>", (("{sad}", ["sad"]), ("{{sad}}", NO_VIEW))),
    Typed(
        "a_inet",
        "inet[]",
        "frozen<list<inet>>",
        (("{1.2.3.4,::1}", [ip_address("1.2.3.4"), ip_address("::1")]), ("{1.2.3.4/8}", MASK)),
    ),
    Typed("a_cidr", "cidr[]", "frozen<list<text>>", (("{10.0.0.0/8}", ["10.0.0.0/8"]),)),
    Typed("d_integer", "integer DEFAULT 5", "int", ((None, None), ("6", 6))),
    Typed("d_numeric", "numeric(10,2) DEFAULT 1.5", "decimal", ((None, None), ("0", Decimal("0.00")))),
    Typed("d_text", "text DEFAULT 'new'", "text", ((None, None), ("", ""))),
    Typed("d_boolean", "boolean DEFAULT true", "boolean", ((None, None), ("f", False))),
    Typed("d_later", "timestamptz DEFAULT '1970-01-01 00:00:01+00'", "timestamp", ((None, None),)),
    Typed("d_mood", "public.mood DEFAULT 'sad'", "text", ((None, None),)),
    Typed("d_bytea", "bytea DEFAULT '\\x00'", "blob", ((None, None),)),
    Typed("d_list", "integer[] DEFAULT '{1}'", "frozen<list<int>>", ((None, None), ("{}", []))),
)
"""What every other row of the table holds is NULL of each type, or its default."""

DEFAULTS = {
    "c_label": "",
    "d_integer": 5,
    "d_numeric": Decimal("1.50"),
    "d_text": "new",
    "d_boolean": True,
    "d_later": at(micros=1_000_000),
    "d_mood": "sad",
    "d_bytea": b"\0",
    "d_list": [1],
}
"""The columns with a default, and what Cassandra holds for it."""

UNUSABLE = {
    "x_money": "money",
    "x_timetz": "time with time zone",
    "x_intervals": "interval[]",
    "x_times": "time[]",
    "x_positives": "public.positive[]",
    "x_negative_scale": "numeric(5,-2)",
    "x_xml": "xml",
    "x_bits": "bit(3)",
    "x_range": "int4range",
    "x_point": "point",
    "x_name": "name",
}
"""Columns that no view can use: they stand in the table, and `check` says why."""
