"""The last entry of a row that went without an event is behind its others, and below all that comes later."""

from __future__ import annotations

from pathlib import Path

import pytest
from penstock_views.declaration.views import History, row

from penstock.views.close import _last_entry

REVISION = 2**52


@pytest.mark.parametrize(
    ("newest", "at"),
    [
        (REVISION + 4, REVISION + 9),
        (REVISION + 10, REVISION + 11),  # a fill of the revision before, at the same place
    ],
)
def test_a_last_entry_follows_and_gives_way(newest: int, at: int) -> None:
    view = History("h", "public.t", ("id",), 3, lambda image: row(id=image.id), Path("h.py"), 1, first_revision=1)
    entry = {"id": 1, "version": newest, "row_version": newest, "op": "u", "before": None, "after": "{}"}
    last = _last_entry(view, entry, version=3 * REVISION + 9)
    assert (last["version"], last["row_version"]) == (at, 3 * REVISION + 9)
    assert (last["op"], last["before"], last["after"]) == ("d", "{}", None)
