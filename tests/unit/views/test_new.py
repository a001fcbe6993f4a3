"""Tables are read as SQL writes them, patterns as a shell does; a view's name is one that Python and Cassandra take."""

from __future__ import annotations

import pytest

from penstock.views.asked import Relation, TableNameUnclear, meant, read_asked
from penstock.views.new import name_problem, view_name

TABLES = [Relation(name) for name in ("public.orders", "public.Orders", "sales.orders", "sales.items", "sales.a.b")]
TABLES.append(Relation("public.2-Items"))
TABLES.append(Relation("public.Lines"))


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("orders", "public.orders"),
        ("Sales.Orders", "sales.orders"),
        ('"Order-Items"', "public.Order-Items"),
        ('sales."Order-Items"', "sales.Order-Items"),
        ('"My-Schema"."T"', "My-Schema.T"),
        ('"A*"', "public.A*"),
        ("Order-Items", "public.Order-Items"),
        ("1a", "public.1a"),
    ],
)
def test_quotes_keep_the_case_and_no_schema_is_public(given: str, name: str) -> None:
    asked = read_asked(given)
    assert (asked.text, asked.is_pattern) == (name, False)


@pytest.mark.parametrize(
    "given", ["", " ", "a.b.c", "a,b", '"a.b"', '"a,b"', '"a""b"', '"unclosed', "a.", ".b", "a b", '"a b"']
)
def test_what_cannot_be_captured_is_refused(given: str) -> None:
    with pytest.raises(TableNameUnclear):
        read_asked(given)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (["sales.*"], ["sales.orders", "sales.items", "sales.a.b"]),
        (["ord*"], ["public.orders", "public.Orders"]),
        (["*.Order?"], ["public.orders", "public.Orders", "sales.orders"]),
        (["sales.items", "*.items"], ["sales.items"]),
        (["sales.items", "orders"], ["public.orders", "sales.items"]),
        (["public.Orders"], ["public.orders"]),
        (["sales.Items"], ["sales.items"]),
        (["Lines"], ["public.Lines"]),
        (['"*"', "none.*"], ["public.*", "none.*"]),
        (["Orders", "public.2-Items", "a-b"], ["public.orders", "public.2-Items", "public.a-b"]),
    ],
)
def test_a_pattern_means_the_tables_of_any_case_and_what_means_none_is_kept(given: list[str], names: list[str]) -> None:
    assert [table.name for table in meant([read_asked(each) for each in given], TABLES)] == names


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("class", "word of Python"),
        ("row", "function of that name"),
        ("Orders", "lower-case"),
        ("1a", "lower-case"),
        ("a-b", "lower-case"),
        ("o" * 49, "48 characters"),
    ],
)
def test_a_name_that_no_view_can_have_is_refused_with_its_reason(name: str, problem: str) -> None:
    assert problem in (name_problem(name) or "")


@pytest.mark.parametrize("table", ["class", "row", "view", "Order Items", "2024", "ord-ers"])
def test_a_view_is_named_as_its_table_as_far_as_that_can_be(table: str) -> None:
    assert name_problem(view_name(table)) is None
