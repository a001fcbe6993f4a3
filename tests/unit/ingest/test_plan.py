"""Which pages a load asks for."""

from __future__ import annotations

import pytest
from ingest.load import Plan


@pytest.mark.parametrize(
    ("users", "pages"),
    [(1, [(1, 1)]), (500, [(1, 500)]), (501, [(1, 500), (2, 1)]), (1200, [(1, 500), (2, 500), (3, 200)])],
)
def test_pages_hold_exactly_the_users_asked_for(users: int, pages: list[tuple[int, int]]) -> None:
    assert list(Plan(users=users, page_size=500, seed="s").pages()) == pages
