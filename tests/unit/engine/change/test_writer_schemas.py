"""A record is read by the schema that its id names, found when it is met; what has no place in the plan stops it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from penstock_views.change.decode import is_cured_by_new_plan, needs_plan
from penstock_views.change.envelope import Writer
from penstock_views.change.source import Source
from penstock_views.output.derive import Plan, derive
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from penstock.wait import wait_until
from tests.patience import PATIENCE_S
from tests.unit.engine import cdc
from tests.unit.engine.cdc import Emitted, Record, change, envelope, wire
from tests.unit.engine.conftest import SAMPLE, SAMPLE_KINDS, WRITERS, as_emitted, make_plan, raw_frame
from tests.unit.engine.output.test_derive import ANN
from tests.unit.engine.output.test_gone_column import WITHOUT_NOTE
from tests.unit.engine.stand_in import RegistryStandIn, ids_of

NUMERIC = {
    "type": "string",
    "connect.parameters": {
        "__debezium.source.column.type": "NUMERIC",
        "__debezium.source.column.length": "7",
        "__debezium.source.column.scale": "4",
    },
}
FINER = json.loads(json.dumps(NUMERIC).replace('"7"', '"9"').replace('"4"', '"6"'))


@pytest.fixture
def registry() -> Iterator[RegistryStandIn]:
    served = RegistryStandIn(schemas=ids_of(WRITERS))
    yield served
    served.close()


@pytest.fixture
def served(plan: Plan, registry: RegistryStandIn) -> Plan:
    """Give the plan of the sample with a registry of this test's own."""
    return replace(plan, schemas=replace(plan.schemas, url=registry.url))


def run(spark: SparkSession, plan: Plan, *records: Record) -> list[Emitted]:
    return [as_emitted(row) for row in derive(raw_frame(spark, records), plan).collect()]


def streamed(spark: SparkSession, plan: Plan, record: Record, folder: Path) -> StreamingQuery:
    """Run a record through a query as the job does."""
    raw = raw_frame(spark, [record])
    raw.write.parquet(str(folder / "raw"))
    writer = derive(spark.readStream.schema(raw.schema).parquet(str(folder / "raw")), plan).writeStream.format("noop")
    return writer.option("checkpointLocation", str(folder / "checkpoint")).start()


def failure_of(spark: SparkSession, plan: Plan, record: Record, folder: Path) -> str:
    """Say how the query fails on a record."""
    query = streamed(spark, plan, record, folder)
    wait_until(lambda: not query.isActive, timeout_s=PATIENCE_S, what="the query fails")
    return str(query.exception())


def event(schema_id: int, columns: dict[str, Any], after: dict[str, Any]) -> bytes:
    return wire(schema_id, envelope(columns), change("c", None, after))


def row_of(plan: Plan, emitted: list[Emitted], view: str) -> Any:
    output = next(output for output in plan.outputs if output.view.name == view)
    (one,) = [one for one in emitted if one.topic == f"views.{view}"]
    return cdc.unwire(output.value.schema, one.value or b"")[1]


def test_a_column_that_no_view_reads_comes_changes_and_goes_in_one_plan(
    spark: SparkSession, served: Plan, registry: RegistryStandIn
) -> None:
    versions: list[dict[str, Any]] = [cdc.PEOPLE | {"nick": "string"}, cdc.PEOPLE | {"nick": "long"}, cdc.PEOPLE]
    values: list[dict[str, Any]] = [ANN | {"nick": "A"}, ANN | {"nick": 5}, ANN]
    records = []
    for number, (columns, after) in enumerate(zip(versions, values, strict=True)):
        registry.schemas[20 + number] = cdc.schema_text(columns)
        records.append(Record(number, event(20 + number, columns, after)))
    emitted = run(spark, served, *records)
    assert [one.topic for one in emitted].count("views.people_by_id") == 3
    assert "dead-letters.views" not in {one.topic for one in emitted}


def test_a_read_column_of_a_type_without_a_place_takes_a_new_plan_that_reads_both(
    spark: SparkSession, served: Plan, registry: RegistryStandIn, tmp_path: Path
) -> None:
    columns = cdc.PEOPLE | {"age": "string"}
    registry.schemas[21] = cdc.schema_text(columns)
    record = Record(7, event(21, columns, ANN | {"age": "41"}))
    assert needs_plan(failure_of(spark, served, record, tmp_path)) == (cdc.TOPIC, 21)
    both = make_plan(spark, SAMPLE, (Writer(4, cdc.schema_text(columns)), *WRITERS))
    older = Record(7, event(4, columns, ANN | {"age": "41"}))
    assert row_of(both, run(spark, both, older), "adults_by_name")["age"] == 41
    newer = Record(8, event(6, cdc.PEOPLE, ANN))
    assert row_of(both, run(spark, both, newer), "adults_by_name")["age"] == 40


def test_a_numeric_of_another_scale_takes_a_new_plan_and_is_never_rounded(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "v.py").write_text(
        "from penstock_views import row, view\n\n@view('public.people', key=['id'])\n"
        "def v(r):\n    return row(id=r.id, amount=r.amount)\n"
    )
    before, after = ({"id": "int", "amount": kind} for kind in (NUMERIC, FINER))
    writers = (Writer(5, cdc.schema_text(before)), Writer(6, cdc.schema_text(after)))
    plan = make_plan(spark, tmp_path, writers[:1])
    registry = RegistryStandIn(schemas=ids_of(writers))
    record = Record(7, event(6, after, {"id": 1, "amount": "1.234567"}))
    failure = failure_of(spark, replace(plan, schemas=replace(plan.schemas, url=registry.url)), record, tmp_path)
    assert needs_plan(failure) == (cdc.TOPIC, 6)
    registry.close()


def test_a_text_that_may_be_longer_takes_no_new_plan() -> None:
    limits = [{"type": "string", "connect.parameters": {"__debezium.source.column.type": "VARCHAR"}} for _ in "ab"]
    for limit, length in zip(limits, ("20", "200"), strict=True):
        limit["connect.parameters"]["__debezium.source.column.length"] = length  # type: ignore[index]
    writers = [Writer(number, cdc.schema_text({"id": "int", "code": kind})) for number, kind in enumerate(limits)]
    (_, code) = Source.of("public.people", cdc.TOPIC, writers).columns
    assert len(code.types) == 1


def test_a_new_column_takes_a_new_plan_where_a_history_keeps_whole_rows(spark: SparkSession, tmp_path: Path) -> None:
    known = (Writer(5, cdc.schema_text(WITHOUT_NOTE)),)
    plan = make_plan(spark, SAMPLE_KINDS, known)
    registry = RegistryStandIn(schemas=ids_of(known) | {6: cdc.schema_text(cdc.PEOPLE)})
    failure = failure_of(
        spark,
        replace(plan, schemas=replace(plan.schemas, url=registry.url)),
        Record(7, event(6, cdc.PEOPLE, ANN)),
        tmp_path,
    )
    assert needs_plan(failure) == (cdc.TOPIC, 6)
    registry.close()


def test_a_plan_that_has_not_helped_is_not_made_again() -> None:
    met: set[tuple[str, int]] = set()
    assert not is_cured_by_new_plan("org.apache.kafka.common.errors.TimeoutException: broker away", met)
    assert is_cured_by_new_plan("PENSTOCK-NEW-PLAN topic=app.public.t id=7 column=a", met)
    assert met == {("app.public.t", 7)}
    assert not is_cured_by_new_plan("PENSTOCK-NEW-PLAN topic=app.public.t id=7 column=a", met)


def test_a_registry_that_is_away_is_waited_for_and_the_record_is_read(
    spark: SparkSession, served: Plan, registry: RegistryStandIn
) -> None:
    registry.is_away = True
    emitted: list[Emitted] = []
    query = threading.Thread(target=lambda: emitted.extend(run(spark, served, Record(7, event(6, cdc.PEOPLE, ANN)))))
    query.start()
    wait_until(lambda: len(registry.asked) > 2, timeout_s=PATIENCE_S, what="the registry is asked again")
    assert query.is_alive()
    registry.is_away = False
    query.join(PATIENCE_S)
    assert sorted(one.topic for one in emitted) == ["views.adults_by_name", "views.people_by_id"]


def test_a_query_that_waits_for_the_registry_can_be_stopped(
    spark: SparkSession, served: Plan, registry: RegistryStandIn, tmp_path: Path
) -> None:
    registry.is_away = True
    query = streamed(spark, served, Record(7, event(6, cdc.PEOPLE, ANN)), tmp_path)
    wait_until(lambda: len(registry.asked) > 1, timeout_s=PATIENCE_S, what="the registry is asked")
    query.stop()
    asked = spark.sparkContext.statusTracker()
    wait_until(lambda: not asked.getActiveStageIds(), timeout_s=PATIENCE_S, what="its tasks have ended")


def test_an_id_that_the_registry_lacks_is_a_dead_letter(spark: SparkSession, served: Plan) -> None:
    (letter,) = run(spark, served, Record(999, b"\0\0\0\0\x63body"))
    reason = "schema id 99: no envelope of this topic in the registry"
    assert letter.headers["__connect.errors.exception.message"] == reason


def test_null_stays_null_beside_a_default(spark: SparkSession, served: Plan, registry: RegistryStandIn) -> None:
    schema = envelope(cdc.PEOPLE)
    note = next(field for field in schema["fields"][0]["type"][1]["fields"] if field["name"] == "note")
    note |= {"type": [cdc.JSON, "null"], "default": "{}"}
    registry.schemas[22] = json.dumps(schema)
    emitted = run(spark, served, Record(7, wire(22, schema, change("c", None, ANN | {"note": None}))))
    assert row_of(served, emitted, "adults_by_name")["note"] is None
