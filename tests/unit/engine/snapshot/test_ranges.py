"""Ranges of pages: every page of every part is handed out once, and the query names its rows."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from penstock_views.snapshot.ranges import Pages, Part, Range, fetch_rows, select_ranges

PARTS = st.lists(st.tuples(st.integers(0, 300), st.booleans()), max_size=6)


@given(PARTS, st.integers(1, 400), st.integers(1, 4))
def test_each_page_is_read_once_whatever_is_taken_at_once(
    sizes: list[tuple[int, bool]], wanted: int, pieces: int
) -> None:
    parts = [Part(f"ONLY part{n}", (n,), size, 8192 * size, divisible) for n, (size, divisible) in enumerate(sizes)]
    pages, read, done = Pages(parts), Counter[tuple[Part, int]](), 0
    while taken := pages.take(wanted, pieces):
        # One that was cut off here takes as many at once, and goes on.
        pages = Pages(parts)
        assert sum(each.pages for each in pages.take(done, 1)) == done
        assert pages.take(wanted, pieces) == taken
        done += sum(each.pages for each in taken)
        read.update((each.part, page) for each in taken for page in range(each.begin, each.end))
        divisible = sum(each.pages for each in taken if each.part.is_divisible)
        assert divisible <= wanted
    assert read == Counter((part, page) for part in parts for page in range(part.pages))


def test_a_range_names_its_part_and_its_pages() -> None:
    one, two = Part("ONLY public.a", (1,), 9, 0), Part('ONLY public."B"', (2,), 9, 0)
    ranges = [Range(one, 5, 9), Range(two, 0, 3)]
    assert select_ranges("x", ranges) == (
        "SELECT 0 AS part, ctid AS place, x FROM ONLY public.a UNION ALL "
        'SELECT 1 AS part, ctid AS place, x FROM ONLY public."B"'
    )
    assert ranges[1].condition(ranges) == "part = 1 AND place >= '(0,0)'::tid AND place < '(3,0)'::tid"
    assert ranges[0].count == "SELECT count(*) FROM ONLY public.a WHERE ctid >= '(5,0)'::tid AND ctid < '(9,0)'::tid"


def test_what_cannot_be_divided_is_read_whole() -> None:
    whole = Part("public.t", (1, 2), 900, 0, is_divisible=False)
    assert Pages([whole]).take(10, 2) == [Range(whole, 0, 900)]
    assert Range(whole, 0, 900).condition([Range(whole, 0, 900)]) == "part = 0 AND true"


def test_of_large_rows_fewer_are_in_memory_at_once() -> None:
    small, large = Part("ONLY a", (1,), 100, 8192 * 100), Part("ONLY b", (2,), 10, 8192 * 10 + 500 * 2**20)
    assert fetch_rows([Range(small, 0, 50)], 5000) == 2000
    assert fetch_rows([Range(large, 0, 10)], 500) == 7
    assert fetch_rows([Range(large, 0, 10)], 10) == 1
