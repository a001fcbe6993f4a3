"""Any name of Postgres becomes one for Avro, CQL, Python and Kafka, and no two meet."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from penstock.names import case_twins, column_name, is_plain, is_table, postgres_name
from tests.names import topic_of

LEGAL = st.characters(codec="utf-8", exclude_characters="\0")
# What the rule itself is made of, so that names look like escapes, halves of them, and escapes of escapes.
TRICKY = st.text(st.sampled_from("_x0041F5 -é😀"), min_size=1, max_size=24)
NAMES = st.one_of(TRICKY, st.text(LEGAL, min_size=1, max_size=63))


@given(NAMES)
@example("_x0041 ")
@example("_x0041_x0042_")
def test_a_name_is_found_again_from_what_it_became(name: str) -> None:
    assert postgres_name(column_name(name)) == name


@given(NAMES)
def test_a_column_has_a_name_that_avro_cql_and_python_take(name: str) -> None:
    made = column_name(name)
    assert re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", made)
    assert made.isidentifier()


@given(NAMES)
def test_a_plain_name_that_looks_like_no_escape_stays(name: str) -> None:
    if is_plain(name) and "_x" not in name:
        assert column_name(name) == name


@given(NAMES, NAMES, NAMES, NAMES)
def test_two_tables_have_two_topics(schema: str, table: str, other_schema: str, other: str) -> None:
    one, another = f"{schema}.{table}", f"{other_schema}.{other}"
    assert re.fullmatch(r"[A-Za-z0-9._-]+", topic_of(one))
    if "." not in schema + other_schema:  # a view names no table whose name has a dot
        assert (topic_of(one) == topic_of(another)) == (one == another)


def test_tables_that_shared_a_topic_have_their_own() -> None:
    assert topic_of("public.order items") == "app.public.order_x0020_items"
    assert topic_of("public.order_items") == "app.public.order_items"
    assert topic_of("Sales.2-fa") == "app.Sales._x0032_-fa"


@pytest.mark.parametrize(
    "table", ["public.users", "public.Order-Items", "Sales.größe", "a.b-c", "s.2fa", "public.$x{y}"]
)
def test_a_table_of_any_other_name_can_be_captured(table: str) -> None:
    assert is_table(table)


@pytest.mark.parametrize(
    "table", ["users", "a.b.c", 'a."b"', "a.b,c", "a.b'c", "a.b\\c", "a. b", "a.b c", "a.`b`", "a.", ".b", "a.b\n"]
)
def test_a_table_that_debezium_cannot_be_configured_with_is_none(table: str) -> None:
    assert not is_table(table)


def test_columns_that_differ_in_case_only_are_found() -> None:
    assert case_twins(["email", "id", "Email", "Größe", "GRÖSSE", "grÖSSE"]) == ["Email", "GRÖSSE", "email", "grÖSSE"]
