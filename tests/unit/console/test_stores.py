"""A row is looked for in each store by what the columns there hold, never by their names."""

from __future__ import annotations

from typing import Any

from penstock.console.records.lookup import Trace
from penstock.console.service.source_row import SourceRow
from penstock.console.service.stores import Compared, _view_key, key_columns
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
