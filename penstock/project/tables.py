"""The table of a view in Cassandra, as the view's contract asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock_views.declaration.views import History, View

from penstock.cassandra.table_file import TableShape, cql_type
from penstock.contract import ROW_VERSION


def shape_of(view: View, value: Mapping[str, Any], key: Mapping[str, Any]) -> TableShape:
    """Derive the table from the contracts of a view.

    :param value, key: the Avro schemas.
    """
    columns = {one["name"]: cql_type(one["type"]) for one in value["fields"]}
    # The entries of one key lie together, so that they can be read in their order.
    partition = view.key if isinstance(view, History) else None
    names = tuple(one["name"] for one in key["fields"])
    return TableShape(view.name, {**columns, ROW_VERSION: "bigint"}, names, partition)
