"""Our clients against one real source leg: Kafka, Postgres, the registry and a Connect worker with Debezium."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from uuid import uuid4

import psycopg2
import pytest

from penstock.config import Config, load_config
from penstock.connect.api import ConnectApi, ConnectorNotFound, State
from penstock.connect.apply import ConnectorRejected, Outcome, apply_connectors, validate_connectors, wait_running
from penstock.connect.files import ConnectorFile, read_connectors
from penstock.pipeline.snapshots import note_restarted
from penstock.postgres.connection import connect
from penstock.postgres.publication import make_known, publish
from penstock.postgres.silent import silent_changes
from penstock.postgres.slot import read_reader
from penstock.project.connector_lists import EPOCH, TABLES
from penstock.project.folders import Project
from penstock.project.workspace import Workspace
from penstock.registry.apply import SchemaFile, SchemaIncompatible, apply_schemas
from penstock.registry.client import Compatibility, RegistryClient
from penstock.registry.decode import AvroDecoder
from penstock.setup import actions as setup
from penstock.setup.connectors import wanted_connectors
from penstock.setup.known import let_know
from penstock.topics.admin import KafkaUnreachable, TopicAdmin
from penstock.topics.create import TopicsDiffer, create_topics
from penstock.topics.tail import TopicReader, TopicUnknown
from penstock.topics.topic import Topic
from penstock.wait import wait_until
from tests.integration.servers import started_behind, written
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.slow

CONNECTORS = Project.of(Config()).connectors
SOURCE = "users-postgres-source"
CDC_TOPIC = "app.public.users"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """Start the source leg in a folder of its own; the connector is not applied yet."""
    config = load_config(written(tmp_path_factory.mktemp("source-leg"), "postgres", "kafka", "registry", "connect"))
    with started_behind(config, "registry", "connect"):
        setup.register_subjects(Workspace(config))
        yield config


@pytest.fixture
def api(config: Config) -> Iterator[ConnectApi]:
    with ConnectApi(config.connect.url) as client:
        yield client


@pytest.fixture
def registry(config: Config) -> Iterator[RegistryClient]:
    with RegistryClient(config.registry.url) as client:
        yield client


@pytest.fixture
def admin(config: Config) -> TopicAdmin:
    return TopicAdmin(config.kafka.bootstrap)


def sql(config: Config, statement: str, *arguments: str) -> None:
    with closing(psycopg2.connect(config.postgres.dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement, arguments)


def insert_user(config: Config, user: str, name: str) -> None:
    statement = (
        "INSERT INTO users (id, email, first_name, last_name, country, registered, latitude) "
        "VALUES (%s, 'a@example.com', %s, 'Lovelace', 'PT', '2020-02-29T12:00:00.123Z', 1.5)"
    )
    sql(config, statement, user, name)


# --- connectors ---


def test_a_source_is_created_once_and_its_changes_come_decoded(
    config: Config, api: ConnectApi, registry: RegistryClient
) -> None:
    files = read_connectors(CONNECTORS, names=[SOURCE])
    (first,) = apply_connectors(api, files=files)
    (second,) = apply_connectors(api, files=files)
    assert (first.outcome, second.outcome) in {(Outcome.CREATED, Outcome.UNCHANGED), (Outcome.UNCHANGED,) * 2}
    assert api.config(SOURCE)["database.hostname"] == "${env:PENSTOCK_POSTGRES_HOST}"
    user = str(uuid4())
    insert_user(config, user, "Ádám 🙂")
    reader = TopicReader(config.kafka.bootstrap, AvroDecoder(registry))
    found = next(record for record in reader.from_beginning(CDC_TOPIC, follow=True) if record.key.value == {"id": user})
    assert found.headers["epoch"] == "1"
    after = found.value.value["after"]
    assert (after["first_name"], str(after["latitude"]), after["registered"]) == (
        "Ádám 🙂",
        "1.5000",
        "2020-02-29T12:00:00.123Z",
    )


def test_cdc_subjects_let_an_alter_table_pass(registry: RegistryClient) -> None:
    own = registry.compatibility(f"{CDC_TOPIC}-value")
    assert (own or registry.default_compatibility()) == Compatibility.NONE


def test_a_wrong_setting_is_refused_by_the_worker_and_nothing_is_applied(api: ConnectApi) -> None:
    (source,) = read_connectors(CONNECTORS, names=[SOURCE])
    broken = ConnectorFile("broken", {**source.config, "snapshot.mode": "sometimes"})
    with pytest.raises(ConnectorRejected, match=r"snapshot\.mode"):
        apply_connectors(api, files=[broken])
    assert "broken" not in api.connectors()


def test_an_unreachable_database_is_found_by_validation(api: ConnectApi) -> None:
    (source,) = read_connectors(CONNECTORS, names=[SOURCE])
    away = ConnectorFile(SOURCE, {**source.config, "database.port": "24899"})
    with pytest.raises(ConnectorRejected, match=r"database\.hostname|database\.port"):
        validate_connectors(api, files=[away])


def test_a_connector_is_paused_resumed_changed_and_deleted(api: ConnectApi) -> None:
    (source,) = read_connectors(CONNECTORS, names=[SOURCE])
    apply_connectors(api, files=[source])
    api.pause(SOURCE)
    wait_until(lambda: api.status(SOURCE).summary == "PAUSED", timeout_s=PATIENCE_S, what="the connector is paused")
    api.resume(SOURCE)
    wait_running(api, SOURCE)
    changed = replace(source, config={**source.config, "poll.interval.ms": "20"})
    (result,) = apply_connectors(api, files=[changed])
    assert result.outcome is Outcome.UPDATED
    assert api.connectors()[SOURCE].status.is_running
    api.delete(SOURCE)
    with pytest.raises(ConnectorNotFound, match=SOURCE):
        api.config(SOURCE)


def test_a_new_table_needs_no_restart_and_one_that_is_renamed_holds_up_no_other(
    config: Config, api: ConnectApi, admin: TopicAdmin
) -> None:
    (listed,) = wanted_connectors(Workspace(config), names=[SOURCE])
    apply_connectors(api, files=[listed])
    # As after an upgrade: known first, then without the list.
    assert let_know(Workspace(config), api) == ["public.users known to the source"]
    files = wanted_connectors(Workspace(config), names=[SOURCE])
    assert {*listed.config} - {*files[0].config} == {TABLES}
    apply_connectors(api, files=files)
    wait_until(lambda: reader(config) is not None, timeout_s=PATIENCE_S, what="the source reads on")
    session = reader(config)
    sql(config, "CREATE TABLE fresh (id int PRIMARY KEY)")
    create_topics(admin, topics=[Topic("app.public.fresh", 1, 1, {"cleanup.policy": "delete"})])
    with connect(config) as connection:
        publish(connection, ["public.fresh"])
        make_known(connection, ["public.fresh"])
    sql(config, "INSERT INTO fresh VALUES (1)")
    wait_until(lambda: sent(admin, "app.public.fresh") > 0, timeout_s=PATIENCE_S, what="its first row arrives")
    sql(config, "ALTER TABLE fresh RENAME TO stale")
    sql(config, "INSERT INTO stale VALUES (2)")
    a_user_arrives(config, admin)
    assert reader(config) == session
    api.restart(SOURCE)
    wait_running(api, SOURCE)
    sql(config, "INSERT INTO stale VALUES (3)")
    a_user_arrives(config, admin)
    hides = Config.model_validate(config.model_dump() | {"tables": {"public.nowhere": {"exclude": ["secret"]}}})
    session = reader(config)
    assert let_know(Workspace(hides), api) == []
    assert "secret" in api.config(SOURCE)["column.exclude.list"]
    assert TABLES not in api.config(SOURCE)
    assert reader(config) != session
    a_user_arrives(config, admin)
    assert "app.public.stale" not in admin.topics()
    api.delete(SOURCE)
    sql(config, "DROP TABLE stale")


def a_user_arrives(config: Config, admin: TopicAdmin) -> None:
    before = sent(admin, CDC_TOPIC)
    insert_user(config, str(uuid4()), "Ada")
    wait_until(lambda: sent(admin, CDC_TOPIC) > before, timeout_s=PATIENCE_S, what="a user arrives")


def sent(admin: TopicAdmin, topic: str) -> int:
    return admin.records({topic: 1})[topic]


def reader(config: Config) -> int | None:
    with connect(config) as connection:
        return read_reader(connection)


def test_a_snapshot_that_is_cut_off_and_started_again_is_noted_once(config: Config, api: ConnectApi) -> None:
    apply_connectors(api, files=read_connectors(CONNECTORS, names=[SOURCE]))
    assert noted(config) == []
    forget_where_it_was(config, api)
    sql(config, MANY_USERS)
    admin = TopicAdmin(config.kafka.bootstrap)
    before = admin.records({CDC_TOPIC: 1})[CDC_TOPIC]
    api.resume(SOURCE)
    wait_until(
        lambda: admin.records({CDC_TOPIC: 1})[CDC_TOPIC] > before, timeout_s=PATIENCE_S, what="it reads the first users"
    )
    api.stop(SOURCE)
    wait_until_stopped(api)
    assert noted(config) == []
    sql(config, "DELETE FROM users WHERE username = 'many'")
    api.resume(SOURCE)
    wait_until(lambda: bool(noted(config)), timeout_s=PATIENCE_S, what="the second try is noted")
    assert noted(config) == [("public.users", "its snapshot was cut off and started again, rows may have been deleted")]
    wait_until(lambda: is_complete(config, epoch=2), timeout_s=PATIENCE_S, what="the second try is complete")
    api.stop(SOURCE)
    wait_until_stopped(api)
    api.delete_offsets(SOURCE)
    api.resume(SOURCE)
    wait_until(lambda: len(noted(config)) > 1, timeout_s=PATIENCE_S, what="a snapshot for lost offsets is noted")
    assert noted(config)[1:] == [
        ("public.users", "the source lost its place and took another snapshot, rows may have been deleted")
    ]
    api.delete(SOURCE)


def is_complete(config: Config, *, epoch: int) -> bool:
    noted(config)
    with connect(config) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT complete_epoch FROM penstock.snapshots_read")
        return cursor.fetchone() == (epoch,)


MANY_USERS = """
    INSERT INTO users (id, username, email, first_name, last_name, country, registered)
    SELECT gen_random_uuid(), 'many', n || '@example.com', 'Ada', 'Lovelace', 'PT', now()
    FROM generate_series(1, 100000) n
"""


def forget_where_it_was(config: Config, api: ConnectApi) -> None:
    """Make the source begin with a snapshot again, in an epoch of its own."""
    api.stop(SOURCE)
    wait_until_stopped(api)
    api.put_config(SOURCE, {**api.config(SOURCE), EPOCH: "2"})
    api.delete_offsets(SOURCE)
    wait_until(lambda: drop_slot(config), timeout_s=PATIENCE_S, what="Postgres lets go of the slot")


def drop_slot(config: Config) -> bool:
    try:
        sql(config, "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
    except psycopg2.errors.ObjectInUse:
        return False
    return True


def wait_until_stopped(api: ConnectApi) -> None:
    stopped = State.STOPPED
    wait_until(lambda: api.status(SOURCE).connector.state == stopped, timeout_s=PATIENCE_S, what="the source stops")


def noted(config: Config) -> list[tuple[str, str]]:
    with connect(config) as connection:
        note_restarted(config, connection, ["public.users"])
        return [(change.table, change.what) for change in silent_changes(connection, ["public.users"])]


# --- topics ---


def test_topics_are_created_once(config: Config, admin: TopicAdmin) -> None:
    before = admin.topics()
    assert setup.create_topics(Workspace(config)).startswith("0 created")
    assert admin.topics() == before


@pytest.mark.parametrize(
    ("partitions", "policy", "expected"),
    [(3, "delete", "1 partition"), (1, "compact", "cleanup.policy=delete, compact wanted")],
)
def test_a_topic_that_differs_is_refused_and_nothing_created(
    admin: TopicAdmin, partitions: int, policy: str, expected: str
) -> None:
    topic = Topic(CDC_TOPIC, partitions, 1, {"cleanup.policy": policy})
    other = Topic("never-created", 1, 1, {"cleanup.policy": "delete"})
    with pytest.raises(TopicsDiffer, match=expected):
        create_topics(admin, topics=[other, topic])
    assert "never-created" not in admin.topics()


def test_an_undecodable_record_is_shown_with_its_reason(config: Config, registry: RegistryClient) -> None:
    reader = TopicReader(config.kafka.bootstrap, AvroDecoder(registry))
    (record,) = islice(reader.from_beginning("connect-configs", follow=False), 1)  # keys are text, values JSON
    assert (record.key.problem, record.key.value.isprintable()) == ("not in the registry's wire format", True)


def test_an_unknown_topic_is_said(config: Config, registry: RegistryClient) -> None:
    reader = TopicReader(config.kafka.bootstrap, AvroDecoder(registry))
    with pytest.raises(TopicUnknown, match="no-such-topic"):
        list(reader.last("no-such-topic", count=1))


def test_no_broker_is_said_with_its_address() -> None:
    with pytest.raises(KafkaUnreachable, match="24898"):
        TopicAdmin("127.0.0.1:24898", timeout_s=2).topics()


# --- registry ---


def test_contracts_are_registered_once_and_guarded(config: Config, registry: RegistryClient) -> None:
    subjects = registry.subjects()
    setup.register_subjects(Workspace(config))
    assert registry.subjects() == subjects
    assert registry.versions("views.users_by_id-value") == registry.versions("views.users_by_id-key")
    assert registry.compatibility("views.users_by_id-value") == Compatibility.BACKWARD


def test_an_incompatible_contract_is_refused_with_its_subject_and_reason(registry: RegistryClient) -> None:
    def record(kind: str) -> SchemaFile:
        fields = [{"name": "a", "type": kind}]
        return SchemaFile(
            "test-value", json.dumps({"type": "record", "name": "Value", "fields": fields}), "test-value.avsc"
        )

    apply_schemas(registry, files=[record("string")])
    with pytest.raises(SchemaIncompatible, match=r"test-value.*INT"):
        apply_schemas(registry, files=[record("int")])
    assert registry.versions("test-value") == (1,)
