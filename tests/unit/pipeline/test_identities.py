"""A view belongs to one table by its identity, in one database; a message says why the present one is another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from penstock.contract import AGGREGATE
from penstock.pipeline.identities import Identity, moved_views

NOW = Identity(
    "public.t", "a1", "it was dropped", datetime(2026, 1, 2, 3, 4, tzinfo=UTC), is_there=True, database="7/5"
)


def test_the_identity_that_a_view_was_filled_from_goes_on() -> None:
    assert NOW.is_of(NOW.source)


def test_another_identity_says_how_the_one_before_ended() -> None:
    before = replace(NOW, id="a0")
    assert not NOW.is_of(before.source)
    assert NOW.why_not(before.source) == "it was dropped at 2026-01-02 03:04"


def test_a_table_that_left_unseen_is_away() -> None:
    away = replace(NOW, is_there=False)
    assert not away.is_of(NOW.source)
    assert away.why_not(NOW.source) == "it is gone from the publication"


def test_the_same_identity_in_a_copy_of_the_database_is_another() -> None:
    copy = replace(NOW, database="7/6")
    assert not copy.is_of(NOW.source)
    assert copy.why_not(NOW.source) == "the database is another one"


@dataclass(frozen=True)
class OneView:
    """A view of a kind."""

    table: str
    kind: str


def test_views_of_rows_that_moved_in_this_epoch_wait_for_the_next_and_an_aggregate_does_not() -> None:
    views = [OneView(table, kind) for kind in ("row", "history", AGGREGATE) for table in ("public.t", "public.other")]
    identities = {"public.t": replace(NOW, moved=2), "public.other": replace(NOW, moved=1)}
    found = moved_views(views, identities, epoch=2)
    assert found == [OneView("public.t", "row"), OneView("public.t", "history")]
    assert moved_views(views, identities, epoch=3) == []
