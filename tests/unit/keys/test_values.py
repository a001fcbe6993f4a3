"""One value of a key in the forms that Postgres, Debezium, the views and Cassandra give it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from cassandra.util import Date, Time
from hypothesis import given
from hypothesis import strategies as st

from penstock.cassandra.values import Instant
from penstock.console.records.same import is_same
from penstock.keys.values import as_cql, canonical, castable, date_text, is_equal, postgres_text

TIMESTAMP, ZONED = "timestamp without time zone", "timestamp with time zone"
FORMS: dict[str, tuple[str, list[Any]]] = {
    # type: what Postgres writes, what the other stores hold
    "boolean": ("true", [True, "t", "TRUE", "True"]),
    "date": ("2009-12-31", [14609, date(2009, 12, 31), Date(14609)]),
    "uuid": ("0b2f7f0e-6a7b-4a8e-9a54-8f5d8c1d2e3f", ["0B2F7F0E-6A7B-4A8E-9A54-8F5D8C1D2E3F"]),
    TIMESTAMP: ("2010-05-06 07:08:09.123456", [1273129689123456, "2010-05-06T07:08:09.123456"]),
    "timestamp(3) without time zone": ("2010-05-06 07:08:09.123000", [1273129689123, Instant(1273129689123000)]),
    ZONED: ("2010-05-06 07:08:09.120000+00", ["2010-05-06T07:08:09.12Z", "2010-05-06T09:08:09.12+02:00"]),
    "time without time zone": ("01:02:03.000004", [3723000004, time(1, 2, 3, 4), Time(3723000004000)]),
    "bytea": ("\\x00ff", [b"\x00\xff", "00ff", "\\x00FF"]),
    "numeric": ("10.0", [Decimal("10"), "10.00", Decimal("1E+1")]),
    "numeric(6,2)": ("10.50", [Decimal("10.5"), "10.5"]),
    "bigint": ("-12", [-12, "-12"]),
    "double precision": ("0.1", [0.1, "0.1"]),
    "real": ("0.1", [0.10000000149011612, "0.1"]),
    "character(5)": ("ab", ["ab   "]),
    "text": ("a, b/c ", ["a, b/c "]),
}
CASES = [(sql_type, text, form) for sql_type, (text, forms) in FORMS.items() for form in forms]


@pytest.mark.parametrize(("sql_type", "text", "form"), CASES)
def test_every_form_is_the_same_value(sql_type: str, text: str, form: Any) -> None:
    assert canonical(sql_type, form) == canonical(sql_type, text)
    assert canonical(sql_type, postgres_text(sql_type, form)) == canonical(sql_type, text)
    assert is_same(form, text, sql_type)


@pytest.mark.parametrize(
    ("sql_type", "one", "other"),
    [
        ("boolean", True, "f"),
        ("date", 14609, "2010-01-01"),
        (TIMESTAMP, 1273129689123456, "2010-05-06T07:08:09.123457"),
        ("bytea", "00ff", "00fe"),
        ("numeric", "10", "1"),
        ("text", "a", "A"),
        ("text", "1.0", "1"),
        ("text", "", None),
        ("character varying", "a", "a "),
    ],
)
def test_values_that_differ_are_not_the_same(sql_type: str, one: Any, other: Any) -> None:
    assert canonical(sql_type, one) != canonical(sql_type, other)
    assert not is_equal(sql_type, one, other)


def test_what_a_view_cuts_is_equal_to_what_it_was_cut_from() -> None:
    assert is_equal(ZONED, "2010-05-06T07:08:09.123456Z", "2010-05-06 07:08:09.123000+00:00")
    assert not is_equal(ZONED, "2010-05-06T07:08:09.123456Z", "2010-05-06 07:08:09.124000+00:00")


@pytest.mark.parametrize(
    ("cql_type", "sql_type", "value", "bound"),
    [
        ("boolean", "boolean", "t", True),
        ("boolean", "boolean", False, False),
        ("date", "date", 14609, Date(14609)),
        ("date", "date", "2009-12-31", Date(14609)),
        ("timestamp", ZONED, "2010-05-06T07:08:09.123Z", Instant(1273129689123000)),
        ("timestamp", TIMESTAMP, 1273129689123456, Instant(1273129689123456)),
        ("timestamp", "", "2010-05-06 07:08:09", Instant(1273129689000000)),
        ("time", "time without time zone", 1, Time(1000)),
        ("blob", "bytea", "\\x00FF", b"\x00\xff"),
        ("decimal", "numeric(6,2)", "10.50", Decimal("10.50")),
        ("decimal", "numeric", "100.500", Decimal("100.5")),
        ("decimal", "numeric", "100", Decimal("100")),
        ("decimal", "numeric", "-0.00", Decimal("0")),
        ("bigint", "bigint", "12", 12),
        ("double", "double precision", "1e3", 1000.0),
        ("uuid", "uuid", "0B2F7F0E-6A7B-4A8E-9A54-8F5D8C1D2E3F", "0B2F7F0E-6A7B-4A8E-9A54-8F5D8C1D2E3F"),
        ("text", "text", "a b", "a b"),
    ],
)
def test_a_key_is_bound_as_its_cql_type(cql_type: str, sql_type: str, value: Any, bound: Any) -> None:
    made = as_cql(cql_type, value, sql_type)
    assert (type(made), made, str(made)) == (type(bound), bound, str(bound))


def test_a_key_that_is_none_of_its_type_is_refused() -> None:
    with pytest.raises(ValueError, match="twelve"):
        as_cql("bigint", "twelve", "bigint")


@given(st.integers(min_value=-719162, max_value=2_932_896 * 3))
def test_a_date_of_any_year_comes_back(days: int) -> None:
    assert canonical("date", date_text(days)) == days


@given(st.dates())
def test_a_date_is_written_as_everybody_writes_it(day: date) -> None:
    assert date_text((day - date(1970, 1, 1)).days) == day.isoformat()


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)))
def test_a_moment_comes_back(moment: datetime) -> None:
    micros = Instant.of(moment).micros
    for sql_type in (TIMESTAMP, ZONED):
        assert canonical(sql_type, postgres_text(sql_type, micros)) == micros
    assert canonical(ZONED, moment.replace(tzinfo=UTC).isoformat()) == micros


@given(st.binary(max_size=20), st.booleans(), st.decimals(allow_nan=False, allow_infinity=False))
def test_bytes_booleans_and_numbers_come_back(data: bytes, flag: bool, number: Decimal) -> None:
    for sql_type, value in (("bytea", data), ("boolean", flag), ("numeric", number)):
        assert canonical(sql_type, postgres_text(sql_type, value)) == canonical(sql_type, value)


def test_a_cast_cuts_no_key() -> None:
    types = ("character(5)", "character varying(3)", "numeric(6,2)", "timestamp(3) without time zone")
    assert list(map(castable, types)) == ["bpchar", "character varying", "numeric", TIMESTAMP]
