"""The view engine: turns each change of a Postgres table into changes of its views.

A file in `spark/views/` needs only the names exported here. Data flows in one direction through the modules:
`decode` (Kafka bytes to row images), `evaluate` (images to view rows), then `derive` (row views and histories, to view
records) or `group` (aggregates, to sums).
"""

from penstock_views.declaration.totals import Totals, aggregate, avg, count, sum, totals
from penstock_views.declaration.views import (
    Image,
    Row,
    View,
    history,
    row,
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
    "truncate_to_millis",
    "unix_micros",
    "view",
    "whole",
]
