"""What is put off while views are filled: those of a table that cannot be read, and those that do not fit theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from penstock_views.declaration.views import View, ViewInvalid, row, view

from penstock.config import Config
from penstock.pipeline.stalled import ViewStopped
from penstock.project.workspace import Workspace
from penstock.views import apply
from penstock.views.lane import FillFailed


@view("public.readable", key=["id"])
def first(r: Any) -> Any:
    return row(id=r.id)


@view("public.locked", key=["id"])
def second(r: Any) -> Any:
    return row(id=r.id)


@view("public.altered", key=["id"])
def third(r: Any) -> Any:
    return row(id=r.id)


@view("public.failing", key=["id"])
def fourth(r: Any) -> Any:
    return row(id=r.id)


def test_the_views_of_other_tables_are_filled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def refill(_: Workspace, views: Sequence[View], **__: object) -> int:
        if second in views:
            raise FillFailed("public.locked", "permission denied")
        if third in views:
            raise ViewInvalid(third.origin, "it has no column `id`")
        if fourth in views:
            raise ViewStopped({"fourth": "its query fails"})
        assert list(views) == [first]
        return 3

    monkeypatch.setattr(apply, "refill", refill)
    stopped: dict[str, str] = {}
    every = [first, second, third, fourth]
    removed = apply._refill(Workspace(Config()), every, stopped, on_progress=lambda _: None, rate=None)
    assert removed == 3
    assert {name: why.split(": ", 1)[-1] for name, why in stopped.items()} == {
        "second": "permission denied. Nothing was lost: run this again",
        "third": "view third: it has no column `id`",
        "fourth": "its query fails",
    }
