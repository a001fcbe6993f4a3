"""A key is one text, and comes back from it, whatever its values hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.keys.text import KeyTextInvalid, read_key, write_key

VALUES = st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8")), min_size=1, max_size=4)
HARD = st.lists(st.text('",/ \\a%?#', max_size=6), min_size=1, max_size=4)


@given(VALUES | HARD)
def test_every_key_comes_back(values: list[str]) -> None:
    assert read_key(write_key(values), len(values)) == tuple(values)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a", ("a",)),
        (" a, b ", ("a, b",)),
        ('""', ("",)),
        ('" a "', (" a ",)),
        ('say "hi"', ('say "hi"',)),
        ("1, x", ("1", "x")),
        ('1,"a,b"', ("1", "a,b")),
        ('"","a""b"', ("", 'a"b')),
        ('1 , " x "', ("1", " x ")),
    ],
)
def test_a_key_is_read_as_a_person_writes_it(text: str, values: tuple[str, ...]) -> None:
    assert read_key(text, len(values)) == values


@pytest.mark.parametrize(
    ("text", "count", "problem"),
    [
        ("", 1, "it is empty"),
        ("  ", 1, "it is empty"),
        ("a\0", 1, "character 0"),
        ("a", 2, "it has 1 values"),
        ("a,b,c", 2, "it has 3 values"),
        ("a,", 2, "a value is missing"),
        ('a,"b', 2, "a quote is not closed"),
        ('"a"x,b', 2, "a quote is not closed, or something follows it"),
    ],
)
def test_what_is_no_key_says_why(text: str, count: int, problem: str) -> None:
    with pytest.raises(KeyTextInvalid, match=problem):
        read_key(text, count)
