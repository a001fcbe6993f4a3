"""A real Prometheus on everything but Spark, whose records the test writes: lag is timed, queries answer, alerts fire.

The tests stand in the order of the faults: what one breaks stays broken.
"""

from __future__ import annotations

import io
import json
import struct
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass

import psycopg2
import pytest
import requests
from confluent_kafka import Producer
from fastavro import parse_schema, schemaless_writer

from penstock.clone import ROOT
from penstock.config import Config, load_config
from penstock.connect.api import ConnectApi
from penstock.project.workspace import Workspace
from penstock.registry.client import RegistryClient
from penstock.registry.decode import AvroDecoder
from penstock.setup import actions
from penstock.topics.tail import Record, TopicReader
from penstock.wait import wait_until
from tests.integration.servers import started
from tests.names import SLOT, SOURCE
from tests.patience import PATIENCE_S
from tests.prometheus import QUERIES, Prometheus, prometheus

pytestmark = pytest.mark.slow

CHANGES, VIEW = "app.public.users", "views.users_by_id"
TOML = """
state = "{state}"
supervised = false
airflow.enabled = false
postgres.port = 27740
kafka.port = 27741
kafka.controller_port = 27742
kafka.metrics_port = 27743
registry.port = 27744
connect.port = 27745
connect.metrics_port = 27746
cassandra.port = 27747
cassandra.storage_port = 27748
console.port = 27749
spark.master_port = 27750
spark.master_ui_port = 27751
spark.worker_port = 27752
spark.worker_ui_port = 27753
airflow.port = 27754
api.port = 27755
"""
INSERT = """
INSERT INTO public.users (id, email, first_name, last_name, registered, country)
VALUES (%s, 'metric@example.com', 'Metric', 'User', '2022-02-02', 'Metric')
"""
OF_SPARK = {"penstock_freshness_seconds", "penstock_job_troubles"}
"""What nobody knows without Spark."""


@dataclass(frozen=True)
class Ground:
    """What runs; `cassandra` and `console` end when they are closed."""

    config: Config
    prometheus: Prometheus
    cassandra: ExitStack
    console: ExitStack


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("metrics")
    file = folder / "penstock.toml"
    file.write_text(TOML.format(state=folder / "var"))
    config = load_config(file)
    with ExitStack() as running:
        running.enter_context(started(config, "postgres", "kafka"))
        actions.create_tables(Workspace(config))
        actions.create_topics(Workspace(config))
        running.enter_context(started(config, "registry"))
        actions.register_subjects(Workspace(config))
        running.enter_context(started(config, "connect"))
        cassandra, console = running.enter_context(ExitStack()), running.enter_context(ExitStack())
        cassandra.enter_context(started(config, "cassandra"))
        actions.create_view_tables(Workspace(config))
        console.enter_context(started(config, "console"))
        actions.apply_connectors(Workspace(config))
        yield Ground(config, running.enter_context(prometheus(config, folder)), cassandra, console)


def sql(config: Config, statement: str, *arguments: str) -> None:
    with closing(psycopg2.connect(config.postgres.dsn)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(statement, arguments or None)


def changed(config: Config, key: str) -> Record:
    """Insert a row; return its record in the change topic."""
    sql(config, INSERT, key)
    with RegistryClient(config.registry.url) as registry:
        reader = TopicReader(config.kafka.bootstrap, AvroDecoder(registry))
        records = reader.from_beginning(CHANGES, follow=True)
        return next(
            record
            for record in records
            if record.key.value == {"id": uuid.UUID(key)} or record.key.value == {"id": key}
        )


def write_view(config: Config, change: Record, key: str) -> None:
    """Write the view's record of a change as the job does."""
    lsn = change.value.value["source"]["lsn"]
    headers: dict[str, str | bytes | None] = {"version": str(2**52 + change.offset), "lsn": str(lsn)}
    with RegistryClient(config.registry.url) as registry:
        content = [encoded(registry, f"{VIEW}-{part}", {"id": key}) for part in ("key", "value")]
    producer = Producer({"bootstrap.servers": str(config.kafka.bootstrap)})
    producer.produce(VIEW, key=content[0], value=content[1], headers=headers)
    assert producer.flush(30) == 0


def encoded(registry: RegistryClient, subject: str, value: dict[str, str]) -> bytes:
    text = (ROOT / f"schemas/avro/{subject}.avsc").read_text()
    body = io.BytesIO()
    schemaless_writer(body, parse_schema(json.loads(text)), value)
    return struct.pack(">bI", 0, registry.register(subject, text)) + body.getvalue()


def lag(ground: Ground, leg: str) -> tuple[float, float]:
    """Return how many were timed of a leg, and their sum in seconds."""
    of_leg = f'{{leg="{leg}",table="public.users"}}'
    ask = ground.prometheus.value
    return ask(f"sum(penstock_lag_seconds_count{of_leg})") or 0, ask(f"sum(penstock_lag_seconds_sum{of_leg})") or 0


def wait_for_lag(ground: Ground, leg: str, count: int) -> float:
    """Wait until so many are timed of a leg; return their sum."""
    wait_until(lambda: lag(ground, leg)[0] >= count, timeout_s=PATIENCE_S, what=f"{count} of leg {leg} are timed")
    return lag(ground, leg)[1]


def test_each_leg_of_a_change_is_timed(ground: Ground) -> None:
    # What came before the console looked is not timed.
    for known in (f'penstock_records_per_second{{of="topic:{CHANGES}"}}', "penstock_reader_behind_records"):
        ground.prometheus.wait_until_answers(known)
    key = str(uuid.uuid4())
    change = changed(ground.config, key)
    source = wait_for_lag(ground, "source", 1)
    write_view(ground.config, change, key)
    spark, sink, whole = (wait_for_lag(ground, leg, 1) for leg in ("spark", "sink", "whole"))
    assert whole == pytest.approx(source + spark + sink, abs=0.01)
    assert min(source, spark, sink) >= 0


def test_every_query_of_the_dashboard_answers(ground: Ground) -> None:
    for query in QUERIES:
        if query not in OF_SPARK:
            ground.prometheus.wait_until_answers(query)


def test_what_is_away_is_reported(ground: Ground) -> None:
    for alert in ("PenstockSystemDown", "PenstockPartDown"):
        ground.prometheus.wait_until_fires(alert)
    assert not ground.prometheus.firing().keys() - {"PenstockSystemDown", "PenstockPartDown"}


def test_a_dead_letter_is_reported(ground: Ground) -> None:
    producer = Producer({"bootstrap.servers": str(ground.config.kafka.bootstrap)})
    producer.produce("dead-letters.views", value=b"bad")
    assert producer.flush(30) == 0
    ground.prometheus.wait_until_fires("PenstockDeadLetters")


def test_a_sink_without_cassandra_waits_and_makes_no_progress(ground: Ground) -> None:
    key = str(uuid.uuid4())
    change = changed(ground.config, key)
    ground.cassandra.close()
    write_view(ground.config, change, key)
    for alert in ("PenstockSinkWaits", "PenstockNoProgress"):
        ground.prometheus.wait_until_fires(alert)


def test_changes_that_took_long_are_reported_when_they_arrive(ground: Ground) -> None:
    before = lag(ground, "whole")[0]
    ground.cassandra.enter_context(started(ground.config, "cassandra"))
    wait_for_lag(ground, "whole", int(before) + 1)
    ground.prometheus.wait_until_fires("PenstockLagHigh")
    ground.prometheus.wait_until_over("PenstockSinkWaits", "PenstockNoProgress")


def test_a_slot_that_nobody_reads_grows_and_is_lost(ground: Ground) -> None:
    with ConnectApi(ground.config.connect.url) as api:
        api.stop(SOURCE)
    ground.prometheus.wait_until_fires("PenstockSlotUnread")
    for _ in range(70):  # segments of 16 MB
        sql(ground.config, "SELECT pg_logical_emit_message(false, 'metrics', 'x')")
        sql(ground.config, "SELECT pg_switch_wal()")
    ground.prometheus.wait_until_fires("PenstockSlotGrows")
    sql(ground.config, f"SELECT pg_drop_replication_slot('{SLOT}')")
    ground.prometheus.wait_until_fires("PenstockSlotLost")


def test_a_connector_that_fails_is_reported(ground: Ground) -> None:
    with ConnectApi(ground.config.connect.url) as api:
        api.resume(SOURCE)  # its slot is gone
    ground.prometheus.wait_until_fires("PenstockConnectorFailed")


def test_a_console_that_does_not_answer_is_reported(ground: Ground) -> None:
    ground.console.close()
    ground.prometheus.wait_until_fires("PenstockNotScraped")
    with pytest.raises(requests.ConnectionError):
        requests.get(ground.config.console.url, timeout=5)
