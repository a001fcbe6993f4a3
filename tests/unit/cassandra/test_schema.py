"""Splitting CQL scripts and the token ring."""

from __future__ import annotations

from itertools import pairwise

import pytest

from penstock.cassandra.schema import split_statements
from penstock.cassandra.table import token_ranges


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("", []),
        (" \n;;\n -- nothing\n", []),
        ("SELECT 1; SELECT 2", [(1, "SELECT 1"), (1, "SELECT 2")]),
        ("-- a; b\nCREATE TABLE t (a int);\n", [(2, "CREATE TABLE t (a int)")]),
        ("/* ; \n ; */ SELECT 1;", [(2, "SELECT 1")]),
        ("// ;\n\nSELECT 1;", [(3, "SELECT 1")]),
        ("INSERT INTO t VALUES ('it''s; -- text');", [(1, "INSERT INTO t VALUES ('it''s; -- text')")]),
        ('SELECT "a;b" FROM t;', [(1, 'SELECT "a;b" FROM t')]),
        ("SELECT $$ ; ' $$;\nSELECT 2;", [(1, "SELECT $$ ; ' $$"), (2, "SELECT 2")]),
    ],
)
def test_a_script_is_split_at_its_own_semicolons_only(script: str, expected: list[tuple[int, str]]) -> None:
    assert [(statement.line, statement.cql) for statement in split_statements(script)] == expected


@pytest.mark.parametrize("count", [1, 2, 3, 16, 100])
def test_the_ranges_cover_the_ring_once(count: int) -> None:
    ranges = list(token_ranges(count))
    assert len(ranges) == count
    assert (ranges[0][0], ranges[-1][1]) == (-(2**63), 2**63 - 1)
    assert all(left[1] == right[0] for left, right in pairwise(ranges))
