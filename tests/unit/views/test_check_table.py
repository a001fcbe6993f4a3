"""A table in Cassandra is held against its view and against the file that its partition key is written in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from penstock_views.declaration.views import View
from penstock_views.output.contracts import Contract

from penstock.cassandra.table_file import TableShape
from penstock.views.check import _check_table
from penstock.views.derived import Derived

VIEW = View("v", "public.t", ("a", "b"), 1, lambda _: None, Path("v.py"), 1, partition=("a", "b"))  # type: ignore[arg-type, return-value]
KEY = [{"name": "a", "type": "string"}, {"name": "b", "type": "int"}]
DERIVED = Derived(
    VIEW, *(Contract(f"views.v-{part}", f"views.v-{part}.avsc", {"fields": KEY}) for part in ("key", "value"))
)
THERE = TableShape("v", {"a": "text", "b": "int", "row_version": "bigint"}, ("a", "b"), ("a", "b"))
TABLE = ("penstock.v", 41)


@pytest.mark.parametrize(
    ("found", "problems"),
    [
        (THERE, []),
        (
            replace(THERE, partition=("a",)),
            ["has the partition key (a), v.cql has (a, b)"],
        ),
        (
            replace(THERE, options={"default_time_to_live": 60}),
            ["has default_time_to_live = 60: rows vanish that Postgres has"],
        ),
    ],
)
def test_what_is_wrong_with_a_table_is_said(found: TableShape, problems: list[str]) -> None:
    assert [problem.what for problem in _check_table(DERIVED, found, *TABLE)] == problems


def test_the_cure_follows_from_the_kind_of_difference() -> None:
    columns = {"a": "int", "which the view does not have": "text", "row_version": "bigint"}
    cures = {
        problem.what: (problem.cure, problem.is_pending)
        for problem in _check_table(DERIVED, replace(THERE, columns=columns), *TABLE)
    }
    assert cures == {
        "has column a as int; the view's contract wants text": (
            "Cassandra cannot alter that: give the view another name, or DROP TABLE penstock.v, in cqlsh",
            False,
        ),
        "lacks column b int": ("`penstock views apply` adds it", True),
        "has column which the view does not have text, which the view does not have": (
            'ALTER TABLE penstock.v DROP "which the view does not have" USING TIMESTAMP 41, in cqlsh',
            False,
        ),
    }


def test_a_column_of_a_view_that_was_never_filled_may_have_values_of_any_version() -> None:
    (extra,) = _check_table(DERIVED, replace(THERE, columns={**THERE.columns, "c": "int"}), "penstock.v", None)
    assert extra.cure == "Cassandra cannot alter that: give the view another name, or DROP TABLE penstock.v, in cqlsh"
