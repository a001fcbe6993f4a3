"""An aggregate's query against a real Kafka: it goes on in a run without empty groups, and no version ever falls."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from penstock_views.aggregates.empty_groups import drop_empty_groups, groups_of
from penstock_views.aggregates.query import start_aggregate_query
from penstock_views.aggregates.run import Run, prepare_next_run, start_run
from penstock_views.output.derive import AggregateOutput
from penstock_views.running.aggregates import STATE
from penstock_views.snapshot.seen import Snapshot
from penstock_views.stream.broker import end_offsets
from penstock_views.stream.checkpoint import progress_in
from penstock_views.stream.config import AggregatesConfig, parse_aggregates_arguments
from penstock_views.stream.session import local_session
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from penstock.config import Config, load_config
from penstock.topics.admin import TopicAdmin
from penstock.topics.topic import Topic
from penstock.wait import wait_until
from tests.integration.servers import started, written
from tests.patience import PATIENCE_S
from tests.unit.engine import cdc
from tests.unit.engine.conftest import SAMPLE_KINDS, make_plan

pytestmark = pytest.mark.slow

VIEW_TOPIC = "views.people_by_name"
PLACE = (cdc.TOPIC, 0)
SNAPSHOT = Snapshot(100, (), 1000)

Person = dict[str, Any]


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    file = written(tmp_path_factory.mktemp("runs"), "kafka")
    with started(load_config(file), "kafka"):
        TopicAdmin(load_config(file).kafka.bootstrap).create(
            [Topic(name, 1, 1, {}) for name in (cdc.TOPIC, VIEW_TOPIC)]
        )
        yield load_config(file)


@pytest.fixture
def spark() -> Iterator[SparkSession]:
    """Give a session with the job's settings of the state."""
    spark = local_session()
    for name, value in STATE.items():
        spark.conf.set(name, value)
    yield spark
    for name in STATE:
        spark.conf.unset(name)


@pytest.fixture
def config(kafka: Config, tmp_path: Path) -> AggregatesConfig:
    given = {
        "--bootstrap-servers": kafka.kafka.bootstrap,
        "--registry-url": "http://127.0.0.1:1",
        "--master": "local[1]",
        "--checkpoint": tmp_path,
        "--source": '{"host": "127.0.0.1", "port": 5432, "database": "app", "user": "nobody"}',
        "--commit-interval-s": "0.2",
    }
    return parse_aggregates_arguments([str(word) for pair in given.items() for word in pair])


def person(number: int, name: str, age: int) -> Person:
    rest = {"score": Decimal("1.5000"), "born": None, "seen": None, "note": None}
    return {"id": f"00000000-0000-4000-8000-{number:012}", "name": name, "age": age} | rest


def write(config: AggregatesConfig, changes: Sequence[tuple[Person | None, Person | None]]) -> None:
    """Write changes in a transaction, as the source does, all after the snapshot."""
    producer = Producer({"bootstrap.servers": config.bootstrap, "transactional.id": "source"})
    producer.init_transactions()
    producer.begin_transaction()
    for before, after in changes:
        op = "d" if after is None else "c" if before is None else "u"
        value = cdc.wire(6, cdc.envelope(cdc.PEOPLE), cdc.change(op, before, after, lsn=2000))
        producer.produce(cdc.TOPIC, key=b"key", value=value, headers=[("epoch", b"1")])
    producer.commit_transaction()


def emitted(config: AggregatesConfig, output: AggregateOutput) -> list[tuple[str, int, dict[str, Any] | None]]:
    """Read what was written to the view's topic: the group, the version, and the row or its delete."""
    consumer = Consumer({"bootstrap.servers": config.bootstrap, "group.id": "test", "enable.partition.eof": True})
    consumer.assign([TopicPartition(VIEW_TOPIC, 0, 0)])
    found = []
    while (record := consumer.poll(PATIENCE_S)) is not None and record.error() is None:
        name = cdc.unwire(output.key.schema, record.key() or b"")[1]["name"]
        value = record.value()
        row = cdc.unwire(output.value.schema, value)[1] if value is not None else None
        found.append((name, int(dict(record.headers() or ())["version"] or b""), row))
    consumer.close()
    return found


@contextmanager
def counting(
    spark: SparkSession, config: AggregatesConfig, output: AggregateOutput, run: Run
) -> Iterator[StreamingQuery]:
    """Keep the aggregate in a run until it has counted all that is in the topic."""
    plan = make_plan(spark, SAMPLE_KINDS)
    query = start_aggregate_query(spark, config, plan, output, run, 1)

    def has_counted() -> bool:
        assert query.isActive, str(query.exception())
        return progress_in(run.checkpoint) == end_offsets(config.bootstrap, [cdc.TOPIC], group="penstock-tests")

    try:
        yield query
        wait_until(has_counted, timeout_s=PATIENCE_S, what="all is counted")
    finally:
        query.stop()


def test_a_run_goes_on_without_empty_groups_while_changes_come(spark: SparkSession, config: AggregatesConfig) -> None:
    (output,) = make_plan(spark, SAMPLE_KINDS).aggregates
    ann, bo, cy, di = person(1, "Ann", 40), person(2, "Bo", 30), person(3, "Cy", 20), person(4, "Di", 50)
    ends = dict.fromkeys([PLACE], 0)
    folder = config.checkpoint / f"life-{7:020}"
    run = Run(folder, output.view.revision, 1, SNAPSHOT, ends, ends, 7, output.grouping.measures.json())
    spark.createDataFrame([], output.grouping.measures).write.parquet(
        str(prepare_next_run(config.checkpoint) / "baseline")
    )
    start_run(run)

    with counting(spark, config, output, run):
        write(config, [(None, ann), (None, bo), (None, cy)])
    with counting(spark, config, output, run) as query:
        write(config, [(cy, None), (bo, bo | {"age": 31})])
    assert groups_of(query) == 3
    write(config, [(None, di), (ann, ann | {"name": "Bo"}), (None, cy | {"age": 21})])
    after = drop_empty_groups(
        spark,
        run,
        output.grouping,
        progress_in(run.checkpoint),
        end_offsets(config.bootstrap, [cdc.TOPIC], group="penstock-tests"),
    )
    assert spark.read.parquet(str(after.baseline)).count() == 2
    with counting(spark, config, output, after):
        write(config, [(di, None)])
    with counting(spark, config, output, after):
        write(config, [(None, di), (cy | {"age": 21}, cy | {"age": 22})])

    last: dict[str, tuple[int, Any]] = {}
    for name, version, row in emitted(config, output):
        before = last.get(name, (0, None))
        assert version > before[0] or (version, row) == before, (name, version, row, before)
        last[name] = (version, row)
    people = {name: row and (row["people"], str(row["age"])) for name, (_, row) in last.items()}
    assert people == {"Ann": None, "Bo": (2, "35.500000"), "Cy": (1, "22.000000"), "Di": (1, "50.000000")}, json.dumps(
        people
    )
