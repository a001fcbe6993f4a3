"""One Spark session for all tests of the view engine, and the engine set up on the sample views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from penstock_views.contracts import contracts_of, view_type
from penstock_views.decode import Refusal, Source
from penstock_views.derive import Output, Plan, derive
from penstock_views.envelope import Writer, image_type
from penstock_views.load import load_views
from penstock_views.session import local_session
from pyspark.sql import Row, SparkSession

from tests.unit.views import cdc

SAMPLE = Path(__file__).parent / "sample"
RAW = (
    "topic string, partition int, offset bigint, key binary, value binary, "
    "headers array<struct<key: string, value: binary>>"
)


@pytest.fixture(scope="session")
def spark() -> SparkSession:
    """Start Spark in this process; it is shared with the contract tests and ends with the process."""
    return local_session()


@pytest.fixture(scope="session")
def plan(spark: SparkSession) -> Plan:
    """Set the engine up for public.people with two writer schemas (ids 5 and 6) and one refused id (99)."""
    writers = (Writer(5, cdc.schema_text(cdc.PEOPLE_TYPED_TIGHTER)), Writer(6, cdc.schema_text(cdc.PEOPLE)))
    outputs = []
    for number, view in enumerate(load_views(SAMPLE)):
        key, value = contracts_of(view, view_type(spark, view, image_type(writers)))
        outputs.append(Output(view, key, value, key_id=100 + number, value_id=200 + number))
    refusal = Refusal(99, {(cdc.TOPIC, 0): 1000, (cdc.TOPIC, 1): 10})
    return Plan((Source("public.people", cdc.TOPIC, writers),), tuple(outputs), "dead-letters.views", (refusal,))


Engine = Callable[[Sequence[cdc.Record]], list[cdc.Emitted]]


@pytest.fixture(scope="session")
def engine(spark: SparkSession, plan: Plan) -> Engine:
    """Give a function that runs the engine on a batch of records."""

    def run(records: Sequence[cdc.Record]) -> list[cdc.Emitted]:
        raw = spark.createDataFrame([record.as_row() for record in records], RAW)
        return [_emitted(row) for row in derive(raw, plan).collect()]

    return run


def _emitted(row: Row) -> cdc.Emitted:
    texts = {name: bytes(text).decode() for name, text in row["headers"]}
    value = row["value"]
    return cdc.Emitted(row["topic"], bytes(row["key"]), None if value is None else bytes(value), texts)
