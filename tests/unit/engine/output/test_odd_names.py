"""Columns that only quotes can name go through the engine as any other; a history has Postgres' names of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from penstock_views.change.envelope import Writer
from penstock_views.change.source import Source, WriterSchemas
from penstock_views.declaration.views import History, Image, Row, View, row, view, whole
from penstock_views.declaration.views import history as history_of
from penstock_views.output.contracts import contracts_of, view_type
from penstock_views.output.derive import Output, Plan, derive
from pyspark.sql import SparkSession

from tests.unit.engine import cdc
from tests.unit.engine.conftest import as_emitted, raw_frame
from tests.unit.engine.stand_in import registry_url

TABLE = "Sales-Dept.order-items"
TOPIC = "app.Sales_x0020_Dept.order_x0020_items"
COLUMNS: dict[str, Any] = {"id": "int", "postal_x0020_code": "string", "a_x002E_b": "int", "Email": "string"}
BEFORE = {name: kind for name, kind in COLUMNS.items() if name != "Email"} | {"email": "string"}
"""The table before `email` was renamed to `Email`."""


@view(TABLE, key=["id"])
def items(r: Image) -> Row:
    """Read names in both ways."""
    return row(id=r.id, code=r["postal code"], **{"class": r.a_x002E_b})


@history_of(TABLE, key=["postal code", "id"])
def item_history(r: Image) -> Row:
    """Keep all."""
    return whole(r)


@pytest.fixture(scope="module")
def plan(spark: SparkSession) -> Plan:
    writers = (Writer(5, cdc.schema_text(BEFORE)), Writer(6, cdc.schema_text(COLUMNS)))
    source = Source.of(TABLE, TOPIC, writers)
    image = source.image
    outputs = []
    declared: list[View | History] = [items, item_history]
    for number, each in enumerate(declared):
        key, value = contracts_of(each, view_type(spark, each, image))
        outputs.append(Output(each, key, value, 100 + number, 200 + number))
    return Plan(source, tuple(outputs), "dead-letters.views", WriterSchemas(registry_url(writers), 6))


def test_a_change_reaches_the_view_and_its_history(spark: SparkSession, plan: Plan) -> None:
    old = {"id": 1, "postal_x0020_code": "1010", "a_x002E_b": 7, "Email": "x"}
    new = old | {"a_x002E_b": 8}
    body = cdc.wire(6, cdc.envelope(COLUMNS), cdc.change("u", old, new))
    frame = raw_frame(spark, [cdc.Record(9, body, topic=TOPIC)])
    found = {one.topic: one for one in map(as_emitted, derive(frame, plan).collect())}
    item, entry = (found[output.view.topic] for output in plan.outputs)
    assert item.value is not None and entry.value is not None
    values = [
        cdc.unwire(output.value.schema, value)[1]
        for output, value in zip(plan.outputs, (item.value, entry.value), strict=True)
    ]
    assert values[0] == {"id": 1, "code": "1010", "class": 8}
    assert (values[1]["postal_x0020_code"], values[1]["id"]) == ("1010", 1)
    assert json.loads(values[1]["after"]) == {"id": 1, "postal code": "1010", "a.b": 8, "email": None, "Email": "x"}
    assert json.loads(values[1]["changed"]) == ["a.b"]
