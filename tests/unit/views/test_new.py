"""A table's name is read as SQL writes it."""

from __future__ import annotations

import pytest

from penstock.views.new import TableNameUnclear, parse_table


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("orders", "public.orders"),
        ("Sales.Orders", "sales.orders"),
        ('"Order Items"', "public.Order Items"),
        ('sales."Order Items"', "sales.Order Items"),
        ('"My Schema"."T"', "My Schema.T"),
    ],
)
def test_quotes_keep_the_case_and_no_schema_is_public(given: str, name: str) -> None:
    assert parse_table(given) == name


@pytest.mark.parametrize("given", ["", "a.b.c", "a b", '"a.b"', '"a,b"', '"a""b"', "1a", '"unclosed'])
def test_what_cannot_be_captured_is_refused(given: str) -> None:
    with pytest.raises(TableNameUnclear):
        parse_table(given)
