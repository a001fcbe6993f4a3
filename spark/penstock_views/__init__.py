"""The view engine: turns each change of a Postgres table into changes of its views.

A file in `spark/views/` needs only the names exported here. Data flows in one direction through the modules:
`decode` (Kafka bytes to row images), `evaluate` (images to view rows), `derive` (view rows to view records).
"""

from penstock_views.declare import Image, Row, View, row, truncate_to_millis, view

__all__ = ["Image", "Row", "View", "row", "truncate_to_millis", "view"]
