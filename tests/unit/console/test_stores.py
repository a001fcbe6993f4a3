"""A row is looked for in each store by what the columns there hold, never by their names."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from penstock.console.records.lookup import Trace
from penstock.console.service.source_row import SourceRow
from penstock.console.service.stores import (
    Compared,
    Store,
    _compare,
    _view_key,
    change_store,
    key_columns,
    postgres_store,
)
from penstock.console.service.verdict import verdict_on
from penstock.contract import OFFSETS_PER_GENERATION as GENERATION
from penstock.project.held import Held
from tests.unit.console import made

SWAPPED = Held((("member", "friend"), ("friend", "member"), ("since", "since"), ("shown", None)))
ROW = {"member": "ann", "friend": "bob", "since": 1}
TEXTS = dict.fromkeys(ROW, "text") | {"since": "integer"}
SOURCE = SourceRow({"member": "ann", "friend": "bob"}, TEXTS, ROW)


def compared(row: dict[str, Any] | None = None) -> Compared:
    return Compared(ROW if row is None else row, Trace(), TEXTS)


def test_the_key_of_a_view_is_made_of_what_its_columns_hold() -> None:
    view = made.view(key=("member", "friend"), held=SWAPPED)
    types = {"member": "text", "friend": "text"}
    assert _view_key(view, types, compared()) == {"member": "bob", "friend": "ann"}
    assert key_columns(SWAPPED, view.key, SOURCE) == {"member": "friend", "friend": "member"}


def test_a_key_that_nobody_knows_is_not_guessed() -> None:
    view = made.view(key=("member", "friend"), held=Held())
    assert _view_key(view, {"member": "text", "friend": "text"}, compared()) is None
    assert key_columns(Held(), view.key, SOURCE) is None
    assert key_columns(SWAPPED, ("member",), SOURCE) is None


def test_a_value_is_compared_with_that_of_the_column_it_holds() -> None:
    value = {"member": "bob", "friend": "ann", "since": 1, "shown": "other"}
    assert compared().differing(value, SWAPPED) == ()
    assert compared().differing(value) == ("member", "friend")
    assert compared().differing({**value, "friend": "cy"}, SWAPPED) == ("friend",)


def test_a_column_of_another_name_is_compared_too() -> None:
    assert compared().differing({"a": "ann"}, Held((("a", "friend"),))) == ("a",)
    assert compared({"a b": 1}).differing({"a_x0020_b": 2}) == ("a b",)


def verdict_of(row: dict[str, Any] | None, *, looked_at: int) -> tuple[str, bool]:
    """Return the verdict on a row of which no change was found among the newest offsets of 40."""
    source, trace = SourceRow(SOURCE.key, TEXTS, row), Trace((), looked_at, 40)
    raw = Compared(row, trace, TEXTS)
    stores = [postgres_store(source, raw), change_store(made.CHANGES, source, trace, raw)]
    return verdict_on([*stores, Store("view", made.VIEW, "unknown", "nobody knows")], letters=0)


@pytest.mark.parametrize("row", [None, ROW])
def test_nothing_is_said_of_changes_that_were_not_looked_at(row: dict[str, Any] | None) -> None:
    verdict, is_well = verdict_of(row, looked_at=10)
    assert "cannot be known" in verdict and "among the newest 10 of 40 offsets" in verdict
    assert not is_well


def test_a_row_without_a_change_in_the_whole_topic_never_was() -> None:
    assert verdict_of(None, looked_at=40) == ("no such row, and no change of it", True)


def state_of(version: int, *, change: int, value: Any = ROW, revision: int = 1) -> str:
    """Return how a row with this version stands to the newest change, which is of epoch 2."""
    newest: Any = SimpleNamespace(offset=change, headers={"epoch": "2"})
    return _compare(version, value, Compared(ROW, Trace((newest,)), TEXTS), made.view(revision=revision))[0]


def test_a_row_of_an_earlier_epoch_or_revision_is_behind_whatever_its_offset() -> None:
    assert state_of(1 * GENERATION + 1000, change=5) == "behind"
    assert state_of(2 * GENERATION + 5, change=5) == "same"
    assert state_of(2 * GENERATION + 5, change=5, revision=2) == "behind"
    assert state_of(3 * GENERATION + 5, change=5, revision=2) == "same"
    assert state_of(3 * GENERATION + 1, change=5) == "same"


def test_a_deletion_and_an_entry_of_an_earlier_revision_are_not_written_again() -> None:
    assert state_of(2 * GENERATION + 5, change=5, revision=2, value=None) == "same"
    assert state_of(1 * GENERATION + 1000, change=5, revision=2, value=None) == "behind"
