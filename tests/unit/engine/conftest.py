"""One Spark session for all tests of the view engine, and the engine set up on the sample views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from penstock_views.change.envelope import Writer
from penstock_views.change.source import Source, WriterSchemas
from penstock_views.declaration.totals import Aggregate
from penstock_views.output.contracts import contracts_of, row_type, view_type
from penstock_views.output.derive import AggregateOutput, Output, Plan, derive
from penstock_views.output.grouping import grouping_of
from penstock_views.stream.optimized import optimized
from penstock_views.stream.session import local_session
from pyspark.sql import DataFrame, Row, SparkSession

from tests.names import load_views
from tests.unit.engine import cdc
from tests.unit.engine.stand_in import registry_url

SAMPLE = Path(__file__).parent / "sample"
SAMPLE_KINDS = Path(__file__).parent / "sample_kinds"
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
    """Set the engine up for the row views of public.people."""
    return make_plan(spark, SAMPLE)


@pytest.fixture(scope="session")
def kinds(spark: SparkSession) -> Plan:
    """Set the engine up for the histories and the aggregate of public.people."""
    return make_plan(spark, SAMPLE_KINDS)


WRITERS = (Writer(5, cdc.schema_text(cdc.PEOPLE_TYPED_TIGHTER)), Writer(6, cdc.schema_text(cdc.PEOPLE)))


def make_plan(spark: SparkSession, folder: Path, writers: tuple[Writer, ...] = WRITERS) -> Plan:
    """Plan the views of a folder over writer schemas, which a registry serves: ids 5 and 6, if not said otherwise."""
    source = Source.of("public.people", cdc.TOPIC, writers)
    image = source.image
    outputs: list[Output] = []
    for number, view in enumerate(load_views(folder)):
        key, value = contracts_of(view, view_type(spark, view, image))
        ids = 100 + number, 200 + number
        if isinstance(view, Aggregate):
            grouping = grouping_of(view, image, row_type(spark, view, image))
            outputs.append(AggregateOutput(view, key, value, *ids, grouping))
        else:
            outputs.append(Output(view, key, value, *ids))
    schemas = WriterSchemas(registry_url(writers), writers[-1].schema_id)
    return Plan(source, tuple(outputs), "dead-letters.views", schemas)


Engine = Callable[[Sequence[cdc.Record]], list[cdc.Emitted]]


@pytest.fixture(scope="session")
def engine(spark: SparkSession, plan: Plan) -> Engine:
    """Give a function that runs the engine on a batch of records."""
    return lambda records: [as_emitted(row) for row in optimized(derive(raw_frame(spark, records), plan)).collect()]


def raw_frame(spark: SparkSession, records: Sequence[cdc.Record]) -> DataFrame:
    """Hold records as Spark's Kafka source does."""
    return spark.createDataFrame([record.as_row() for record in records], RAW)


def as_emitted(row: Row) -> cdc.Emitted:
    """Read a row of what goes to Kafka."""
    texts = {name: bytes(text).decode() for name, text in row["headers"]}
    value = row["value"]
    return cdc.Emitted(row["topic"], bytes(row["key"] or b""), None if value is None else bytes(value), texts)
