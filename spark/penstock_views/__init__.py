"""The view engine: turns each change of a Postgres table into changes of its views.

A file in `spark/views/` needs only the names exported here. The packages are in layers (docs/architecture.md, "The
packages"), and tests/contract/test_layers.py holds them to their order.

Importing this package loads nothing: modules without Spark in them stay usable by programs without Spark.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penstock_views.declaration.totals import Totals, aggregate, avg, count, sum, totals
    from penstock_views.declaration.views import (
        Image,
        Row,
        View,
        history,
        row,
        truncate_each_to_millis,
        truncate_to_millis,
        unix_micros,
        view,
        whole,
    )

__all__ = [
    "Image",
    "Row",
    "Totals",
    "View",
    "aggregate",
    "avg",
    "count",
    "history",
    "row",
    "sum",
    "totals",
    "truncate_each_to_millis",
    "truncate_to_millis",
    "unix_micros",
    "view",
    "whole",
]

_OF_TOTALS = {"Totals", "aggregate", "avg", "count", "sum", "totals"}


def __getattr__(name: str) -> Any:
    """Load what a view file uses when it is used (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "totals" if name in _OF_TOTALS else "views"
    return getattr(import_module(f"penstock_views.declaration.{home}"), name)
