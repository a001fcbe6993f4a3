"""What readers of a view topic can take of a new contract, as the registry judges it."""

from __future__ import annotations

from typing import Any

import pytest
from penstock_views.output.successor import why_unreadable

DATE = {"type": "int", "logicalType": "date"}
INTS, TEXTS = ({"type": "array", "items": item} for item in ("int", "string"))


def contract(**types: Any) -> dict[str, Any]:
    nullable = {"default": None}
    return {"fields": [{"name": n, "type": t, **(nullable if isinstance(t, list) else {})} for n, t in types.items()]}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (contract(id="int"), contract(id="int")),
        (contract(id="int"), contract(id="long", more=["null", "string"])),
        (contract(id="int", gone="int"), contract(id="int")),
        (contract(n=["null", "int"]), contract(n=["null", "long"])),
        (contract(n=["null", "int"]), contract(n=["null", DATE])),
        (contract(n=["null", INTS]), contract(n=["null", {"type": "array", "items": "long"}])),
    ],
)
def test_these_can_be_read(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert why_unreadable(before, after) is None


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (contract(id="int"), contract(id="int", owner="string"), "owner is new in the key"),
        (contract(n=["null", "int"]), contract(n=["null", "string"]), "n was null or int and is null or string"),
        (contract(n="long"), contract(n="int"), "n was long and is int"),
        (contract(n=["null", "int"]), contract(n="int"), "n was null or int and is int"),
        (
            contract(n=["null", INTS]),
            contract(n=["null", TEXTS]),
            "n was null or array of int and is null or array of string",
        ),
    ],
)
def test_these_cannot(before: dict[str, Any], after: dict[str, Any], why: str) -> None:
    assert why_unreadable(before, after) == why
