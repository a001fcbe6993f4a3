"""Every Postgres type on its real way: Postgres, Debezium, Avro, the engine, Avro, our sink, Cassandra; and `verify`.

Real servers, both of Debezium's readers (snapshot and WAL, which decode differently), and hand-written expectations.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from penstock_views.change.envelope import Writer
from penstock_views.change.source import Source, WriterSchemas
from penstock_views.declaration.views import View, ViewInvalid
from penstock_views.output.contracts import contracts_of, view_type
from penstock_views.output.derive import Output, Plan, derive
from penstock_views.running.registry import Registry
from penstock_views.snapshot.expected import expected_rows
from penstock_views.snapshot.images import read_images
from penstock_views.snapshot.postgres import Postgres
from penstock_views.stream.session import local_session
from penstock_views.types.canonical import field_from_writer, is_usable
from penstock_views.types.tables import read_table
from pyspark.sql import SparkSession

from penstock.cassandra.session import open_session
from penstock.cassandra.table import ViewTable
from penstock.clone import ROOT
from penstock.config import Config, load_config
from penstock.connect.api import ConnectApi
from penstock.connect.apply import apply_connectors
from penstock.connect.files import ConnectorFile, read_connectors
from penstock.connect.place import place_sink
from penstock.project.shapes import ViewShape
from penstock.project.workspace import Workspace
from penstock.registry.apply import SchemaFile, apply_schemas
from penstock.registry.client import RegistryClient
from penstock.registry.decode import AvroDecoder
from penstock.setup import actions as setup
from penstock.sizes import RECORD_BYTES
from penstock.topics.admin import TopicAdmin
from penstock.topics.create import create_topics
from penstock.topics.tail import TopicReader
from penstock.topics.topic import Topic
from penstock.verify.compare import scan
from penstock.verify.postgres_rows import exact_rows
from penstock.wait import wait_until
from tests.every_type import COLUMNS, DEFAULTS, TYPES, UNUSABLE, Refused, Typed
from tests.integration.servers import started_behind, written
from tests.names import DEAD_LETTER_TOPICS, load_views
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.slow

TABLE, VIEW, CDC = "public.every_type", "every_type", "types.public.every_type"
NAMES = [column.name for column in COLUMNS]
PHASES = ("snapshot", "stream")
LAST = "last"
VIEW_FILE = f"""
from penstock_views import row, view

@view("{TABLE}", key=["id"])
def {VIEW}(u):
    return row(id=u.id, **{{name: u[name] for name in {NAMES!r}}})
"""
# A database may have its own way of writing values; nothing of it may reach a view.
SETTINGS = "".join(
    f"ALTER DATABASE app SET {name} = '{value}';"
    for name, value in {
        "bytea_output": "escape",
        "intervalstyle": "sql_standard",
        "datestyle": "German, DMY",
        "extra_float_digits": "-15",
        "timezone": "Europe/Amsterdam",
        "quote_all_identifiers": "on",
    }.items()
)
KEYED, KEYED_CDC, KEYED_PARTITIONS = "public.keyed", "types.public.keyed", 3
DDL = TYPES + "CREATE TABLE {} (id text PRIMARY KEY, {});".format(
    TABLE,
    ", ".join([*(f"{column.name} {column.sql}" for column in COLUMNS), *(f"{n} {t}" for n, t in UNUSABLE.items())]),
)


@dataclass(frozen=True)
class Outcome:
    """What came out at the far end."""

    config: Config
    spark: SparkSession
    view: View
    writers: tuple[Writer, ...]
    rows: dict[str, dict[str, Any]]
    """The view table, by id."""
    letters: dict[str, list[str]]
    """The reasons of the engine's dead letters, by id of the row; those of the sink under the empty id."""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """Start the servers of the whole way, on ports and in a folder of their own."""
    folder, behind = tmp_path_factory.mktemp("types"), ("registry", "cassandra", "connect")
    config = load_config(written(folder, "postgres", "kafka", *behind))
    with started_behind(config, *behind):
        yield config


@pytest.fixture(scope="module")
def outcome(config: Config, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Send every value along, once by the snapshot and once by the WAL."""
    keyed = f"CREATE TABLE {KEYED} (id varchar(20) PRIMARY KEY, n int)"
    _fill_postgres(config, "snapshot", SETTINGS, DDL, f"ALTER TABLE {TABLE} REPLICA IDENTITY FULL", keyed)
    _apply_source(config)
    _wait_for(config, f"snapshot:{LAST}")
    _fill_postgres(config, "stream")
    _wait_for(config, f"stream:{LAST}")
    folder = tmp_path_factory.mktemp("view")
    (folder / "every_type.py").write_text(VIEW_FILE)
    (view,) = load_views(folder)
    spark = local_session()
    writers = Registry(config.registry.url).writers(f"{CDC}-value")
    _run_engine(config, spark, _plan(config, spark, view, writers))
    rows = _sink_into_cassandra(config)
    return Outcome(config, spark, view, writers, rows, _letters(config))


def _fill_postgres(config: Config, phase: str, *before: str) -> None:
    with closing(psycopg2.connect(config.postgres.dsn)) as connection, connection, connection.cursor() as cursor:
        for statement in before:
            cursor.execute(statement)
        if before:
            cursor.execute(f"CREATE PUBLICATION types FOR TABLE {TABLE}, {KEYED}")
        for column in COLUMNS:
            for number, (value, _) in enumerate(column.values):
                insert = f"INSERT INTO {TABLE} (id, {column.name}) VALUES (%s, %s)"
                cursor.execute(insert, (f"{phase}:{column.name}:{number}", value))
        cursor.execute(f"INSERT INTO {TABLE} (id, c_date) VALUES ('{phase}:healed', '2020-01-01')")
        cursor.execute(f"INSERT INTO {TABLE} (id, c_date) VALUES ('{phase}:lost', '2020-01-01')")
        cursor.execute(f"UPDATE {TABLE} SET c_date = 'infinity' WHERE id IN ('{phase}:healed', '{phase}:lost')")
        cursor.execute(f"UPDATE {TABLE} SET c_date = '2020-01-02' WHERE id = '{phase}:healed'")
        cursor.execute(f"INSERT INTO {TABLE} (id) VALUES ('{phase}:{LAST}')")


def _apply_source(config: Config) -> None:
    settings = {"cleanup.policy": "delete", "max.message.bytes": str(RECORD_BYTES)}
    names = (CDC, "__debezium-heartbeat.types", f"views.{VIEW}")
    topics = [*(Topic(name, 1, 1, settings) for name in names), Topic(KEYED_CDC, KEYED_PARTITIONS, 1, settings)]
    create_topics(TopicAdmin(config.kafka.bootstrap), topics=topics)
    (source,) = read_connectors(ROOT / "connect" / "connectors", names=["users-postgres-source"])
    tables = f"{TABLE},{KEYED}"
    mine = {"topic.prefix": "types", "table.include.list": tables, "slot.name": "types", "publication.name": "types"}
    with ConnectApi(config.connect.url) as api:
        apply_connectors(api, files=[ConnectorFile("types-source", {**source.config, **mine})])


def _wait_for(config: Config, key: str) -> None:
    with RegistryClient(config.registry.url) as registry:
        reader = TopicReader(config.kafka.bootstrap, AvroDecoder(registry))

        def is_there() -> bool:
            return any(record.key.value == {"id": key} for record in reader.last(CDC, count=3))

        wait_until(is_there, timeout_s=PATIENCE_S, what=f"{key} is in {CDC}")


def _plan(config: Config, spark: SparkSession, view: View, writers: tuple[Writer, ...]) -> Plan:
    source = Source.of(TABLE, CDC, writers)
    contracts = contracts_of(view, view_type(spark, view, source.image))
    with RegistryClient(config.registry.url) as registry:
        files = [SchemaFile(contract.subject, contract.text, contract.file_name) for contract in contracts]
        ids = apply_schemas(registry, files=files)
    key, value = contracts
    output = Output(view, key, value, ids[key.subject], ids[value.subject])
    schemas = WriterSchemas(config.registry.url, writers[-1].schema_id)
    return Plan(source, (output,), DEAD_LETTER_TOPICS[0], schemas)


def _run_engine(config: Config, spark: SparkSession, plan: Plan) -> None:
    kafka = {"kafka.bootstrap.servers": config.kafka.bootstrap, "includeHeaders": "true"}
    reader = spark.read.format("kafka").options(**kafka).option("kafka.isolation.level", "read_committed")
    derived = derive(reader.option("subscribe", CDC).load(), plan)
    derived.write.format("kafka").options(**kafka).option("kafka.max.request.size", str(RECORD_BYTES)).save()


def _sink_into_cassandra(config: Config) -> dict[str, dict[str, Any]]:
    setup.create_view_tables(Workspace(config))
    keyspace = config.names.keyspace
    columns = ", ".join(f"{column.name} {column.cql}" for column in COLUMNS)
    (sink,) = read_connectors(ROOT / "connect" / "connectors", names=["cassandra-views-sink"])
    ours = {key: value for key, value in sink.config.items() if not key.startswith("topic")}
    mapping = sink.config["topic.views.users_by_id.penstock.users_by_id.mapping"]
    ours |= {"topics": f"views.{VIEW}", f"topic.views.{VIEW}.{keyspace}.{VIEW}.mapping": mapping}
    with open_session(config) as session, ConnectApi(config.connect.url) as api:
        session.execute(f"CREATE TABLE {keyspace}.{VIEW} (id text PRIMARY KEY, {columns}, row_version bigint)")
        file = ConnectorFile("types-sink", ours)
        place_sink(TopicAdmin(config.kafka.bootstrap), api, file, on_loss=lambda _: None)
        apply_connectors(api, files=[file])
        last = f"SELECT id FROM {keyspace}.{VIEW} WHERE id = 'stream:{LAST}'"
        wait_until(lambda: bool(list(session.execute(last))), timeout_s=PATIENCE_S, what="the sink wrote the last row")
        session.cluster.refresh_schema_metadata()
        return {row["id"]: row for row in ViewTable(session, keyspace=keyspace, name=VIEW).scan()}


def _letters(config: Config) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    with RegistryClient(config.registry.url) as registry:
        reader = TopicReader(config.kafka.bootstrap, AvroDecoder(registry))
        for topic in DEAD_LETTER_TOPICS:
            for record in reader.from_beginning(topic, follow=False):
                key = record.key.value["id"] if topic == DEAD_LETTER_TOPICS[0] else ""
                found.setdefault(key, []).append(record.headers["__connect.errors.exception.message"])
    return found


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("column", COLUMNS, ids=NAMES)
def test_a_value_arrives_exactly_or_is_a_dead_letter_with_the_reason(
    outcome: Outcome, column: Typed, phase: str
) -> None:
    for number, (value, expected) in enumerate(column.values):
        key = f"{phase}:{column.name}:{number}"
        if isinstance(expected, Refused):
            assert key not in outcome.rows, value
            (reason,) = outcome.letters[key]
            assert expected.reason in reason
            assert column.name in reason
        else:
            # By repr: NaN is no equal of itself, -0.0 is one of 0.0, and 1.5 one of 1.50.
            assert repr(outcome.rows[key][column.name])[:999] == repr(expected)[:999], (value or "NULL")[:99]
            assert outcome.rows[key][column.name] == expected or expected != expected or column.cql.endswith("float>>")
            assert key not in outcome.letters


def test_null_of_each_type_arrives_as_null_and_a_default_as_itself(outcome: Outcome) -> None:
    for phase in PHASES:
        row = outcome.rows[f"{phase}:{LAST}"]
        assert {name: row[name] for name in NAMES if row[name] is not None} == DEFAULTS


@pytest.mark.parametrize("phase", PHASES)
def test_no_stale_row_stays_while_a_value_cannot_be_held_and_it_comes_back_after(outcome: Outcome, phase: str) -> None:
    assert f"{phase}:lost" not in outcome.rows
    assert str(outcome.rows[f"{phase}:healed"]["c_date"]) == "2020-01-02"


def test_the_sink_refused_nothing(outcome: Outcome) -> None:
    assert outcome.letters.get("", []) == []


def test_verify_finds_both_sides_equal(outcome: Outcome) -> None:
    expected = exact_rows(expected_rows(outcome.spark, outcome.view, _source(outcome.config)).rows)
    shape = ViewShape(VIEW, ("id",), ("id", *NAMES))
    found = scan(shape, expected=expected, actual=outcome.rows.values(), ceiling=lambda: 2**63 - 1)
    assert found.suspects == {}
    assert found.expected_rows == len(outcome.rows)


def test_columns_are_typed_alike_from_the_catalogue_the_ddl_and_the_stream(outcome: Outcome, tmp_path: Path) -> None:
    (tmp_path / "types.sql").write_text(DDL)
    stream = {name: field_from_writer(field) for name, field in outcome.writers[-1].columns.items()}
    catalogue = {field.name: field for field in read_images(outcome.spark, TABLE, _source(outcome.config)).schema}
    ddl = {field.name: field for field in read_table(tmp_path, TABLE).columns}
    for name in ("id", *NAMES):
        assert (name, stream[name]) == (name, catalogue[name])
        assert (name, ddl[name]) == (name, catalogue[name])
    for name in UNUSABLE:
        assert not is_usable(ddl[name])
        assert name not in stream or not is_usable(stream[name])


@pytest.mark.parametrize(("column", "sql_type"), UNUSABLE.items())
def test_a_type_that_no_view_can_use_is_refused_with_reason_and_cure(
    outcome: Outcome, tmp_path: Path, column: str, sql_type: str
) -> None:
    (tmp_path / "types.sql").write_text(DDL)
    (tmp_path / "v.py").write_text(
        f"from penstock_views import row, view\n@view('{TABLE}', key=['id'])\ndef v(u):\n"
        f"    return row(id=u.id, it=u.{column})\n"
    )
    (view,) = load_views(tmp_path)
    shown = re.escape(sql_type.removeprefix("public.").split("(")[0].split("[")[0])
    with pytest.raises(ViewInvalid, match=rf"v\.py:4: view v: .*{column} has type .*{shown}.*(use|keep) "):
        view_type(outcome.spark, view, read_table(tmp_path, TABLE).columns)


def test_a_row_stays_in_its_partition_whatever_becomes_of_the_schema_of_its_key(outcome: Outcome) -> None:
    with closing(psycopg2.connect(outcome.config.postgres.dsn)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(f"INSERT INTO {KEYED} SELECT 'row ' || n, 1 FROM generate_series(1, 50) n")
        cursor.execute(f"ALTER TABLE {KEYED} ALTER COLUMN id SET DEFAULT 'none'")
        cursor.execute(f"UPDATE {KEYED} SET n = 2")
    with RegistryClient(outcome.config.registry.url) as registry:
        reader = TopicReader(outcome.config.kafka.bootstrap, AvroDecoder(registry))
        wait_until(
            lambda: len(list(reader.last(KEYED_CDC, count=200))) == 100, timeout_s=PATIENCE_S, what="the changes came"
        )
        records = list(reader.from_beginning(KEYED_CDC, follow=False))
    assert len({record.partition for record in records}) == KEYED_PARTITIONS
    places = {(record.key.value["id"], record.partition) for record in records}
    assert len(places) == 50


def _source(config: Config) -> Postgres:
    part = config.postgres
    return Postgres(part.host, part.port, part.database, part.user)
