"""Servers of others, all with TLS and passwords, and our Connect between them; no secret is seen anywhere."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition
from penstock_views.change.envelope import Writer
from penstock_views.change.source import Source, WriterSchemas
from penstock_views.output.derive import derive
from penstock_views.running.registry import Registry
from penstock_views.stream.config import parse_arguments
from penstock_views.stream.session import local_session

from penstock.address import Address, let_in_options
from penstock.brokers import librdkafka_settings
from penstock.config import Config
from penstock.connect.api import ConnectApi, ConnectRefused, ConnectUnreachable
from penstock.doctor.examine import examine
from penstock.doctor.finding import Weight
from penstock.postgres.connection import connect
from penstock.project.workspace import Workspace
from penstock.registry.client import RegistryClient, RegistryRefused, RegistryUnreachable
from penstock.setup import actions as setup
from penstock.stack.health import part_healths
from penstock.topics.consumer import open_consumer
from tests.integration import guarded, their_cassandra, their_kafka, their_postgres
from tests.integration.certificates import STORE_PASSWORD, Certificates
from tests.integration.servers import free_port, started
from tests.names import SINK, SOURCE, topic_of
from tests.patience import PATIENCE_S
from tests.unit.engine import cdc
from tests.unit.engine.conftest import SAMPLE, as_emitted, make_plan, raw_frame
from tests.unit.engine.output.test_derive import ANN

pytestmark = pytest.mark.slow

TABLE = "public.users"
SECRETS = (their_postgres.PASSWORD, their_cassandra.PASSWORD, "k4fka", guarded.PASSWORD, guarded.TOKEN, STORE_PASSWORD)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """Run every server of others, our Connect among them, and set all up as `penstock up` does."""
    folder = tmp_path_factory.mktemp("all")
    certificates = Certificates.made_in(folder / "tls")
    with ExitStack() as running:
        postgres = running.enter_context(their_postgres.their_postgres(folder, certificates))
        kafka = running.enter_context(their_kafka.their_kafka(folder, certificates))
        cassandra = running.enter_context(their_cassandra.their_cassandra(folder, certificates))
        sections = {
            "state": folder / "ours",
            "postgres": postgres.section,
            "kafka": kafka.section("scram"),
            "cassandra": cassandra.section,
            "airflow": {"managed": False},
            "registry": {"port": free_port()},
            "connect": {"port": free_port()},
        }
        inner = Config.model_validate(sections)
        setup.create_tables(Workspace(inner))
        setup.create_topics(Workspace(inner))
        running.enter_context(started(inner, "registry"))
        at = running.enter_context(guarded.guarded(inner.registry.root, folder, certificates))
        config = Config.model_validate(sections | {"registry": at})
        running.enter_context(started(config, "connect"))
        setup.register_subjects(Workspace(config))
        setup.create_view_tables(Workspace(config))
        setup.apply_connectors(Workspace(config))
        yield config


def test_every_part_of_others_answers(config: Config) -> None:
    states = {each.name: each.state for each in part_healths(config)}
    for name in ("postgres", "kafka", "cassandra", "registry"):
        assert states[name] == "not ours"


def test_the_doctor_finds_nothing_that_stops_them_but_what_does_not_run(config: Config) -> None:
    found = examine(Workspace(config))
    said = [(each.name, finding.what) for each in found for finding in each.findings if finding.weight is Weight.STOPS]
    assert {name for name, _ in said} == {"spark", "airflow"}, said
    assert not [secret for secret in SECRETS if secret in str(found)]


def test_a_change_comes_from_their_postgres_into_their_kafka(config: Config) -> None:
    with ConnectApi(config.connect.url) as api:
        assert {name: api.status(name).summary for name in (SOURCE, SINK)} == {SOURCE: "RUNNING", SINK: "RUNNING"}
    with connect(config) as connection, connection, connection.cursor() as cursor:
        cursor.execute(their_postgres.INSERT)
    with closing(open_consumer(config.kafka.bootstrap, group="penstock-test")) as consumer:
        consumer.assign([TopicPartition(topic_of(TABLE), 0, 0)])
        record = consumer.poll(PATIENCE_S)
    assert record is not None
    assert record.error() is None
    with RegistryClient(config.registry.url) as registry:
        assert f"{topic_of(TABLE)}-value" in registry.subjects()


def test_the_sink_reads_their_kafka_and_writes_its_dead_letters_there(config: Config) -> None:
    producer = Producer(librdkafka_settings(config.kafka.bootstrap))
    producer.produce("views.users_by_id", key=b"no Avro", value=b"no Avro")
    assert producer.flush(PATIENCE_S) == 0
    with closing(open_consumer(config.kafka.bootstrap, group="penstock-test")) as consumer:
        consumer.assign([TopicPartition("dead-letters.sink", 0, 0)])
        record = consumer.poll(PATIENCE_S)
    assert record is not None
    assert record.value() == b"no Avro"


def test_the_job_asks_the_registry_as_it_is_let_in(config: Config) -> None:
    section = config.registry.let_in
    given = [
        "--bootstrap-servers",
        "-",
        "--master",
        "-",
        "--checkpoint",
        "-",
        "--registry-url",
        str(config.registry.url),
    ]
    files = ["--registry-password-file", str(section.password_file), "--registry-ca-file", str(section.ca_file)]
    arguments = parse_arguments([*given, "--registry-user", str(section.user), *files])
    assert Registry(arguments.registry_url).writers(f"{topic_of(TABLE)}-value")


def test_the_decoder_finds_the_schema_of_a_record_there(config: Config) -> None:
    spark, event = local_session(), cdc.change("c", None, ANN)
    jvm: Any = spark.sparkContext._jvm
    for option in let_in_options(config.registry.url):
        jvm.java.lang.System.setProperty(*option.removeprefix("-D").split("=", 1))
    sample = make_plan(spark, SAMPLE, (Writer(1, cdc.schema_text(cdc.PEOPLE)),))
    with RegistryClient(config.registry.url) as registry:
        number = registry.register(f"{cdc.TOPIC}-value", cdc.schema_text(cdc.PEOPLE))
    source = Source.of("public.people", cdc.TOPIC, Registry(config.registry.url).writers(f"{cdc.TOPIC}-value"))
    plan = replace(sample, source=source, schemas=WriterSchemas(str(config.registry.url), number))
    value = cdc.wire(number, cdc.envelope(cdc.PEOPLE), event)
    emitted = [as_emitted(row).topic for row in derive(raw_frame(spark, [cdc.Record(7, value)]), plan).collect()]
    assert emitted == ["views.adults_by_name", "views.people_by_id"]


def test_who_is_not_let_in_reads_so(config: Config, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("wr0ng")
    let_in = config.registry.let_in
    refused = Address(config.registry.url, replace(let_in, password_file=wrong))
    with RegistryClient(refused) as client, pytest.raises(RegistryRefused, match="HTTP 401"):
        client.subjects()
    stranger = Address(config.registry.url, replace(let_in, ca_file=None))
    with RegistryClient(stranger) as client, pytest.raises(RegistryUnreachable, match="SSLError"):
        client.subjects()
    token = config.registry.let_in.password_file.with_name("guard-token")  # type: ignore[union-attr]
    by_token = Address(config.registry.url, replace(let_in, user=None, password_file=None, token_file=token))
    with RegistryClient(by_token) as client:
        assert client.subjects()


def test_a_connect_of_others_lets_us_in(config: Config, tmp_path: Path) -> None:
    certificates = Certificates.made_in(tmp_path / "tls")
    with guarded.guarded(config.connect.root, tmp_path, certificates) as section:
        theirs = Config.model_validate({"state": tmp_path, "connect": section})
        with ConnectApi(theirs.connect.url) as api:
            assert api.status(SOURCE).summary == "RUNNING"
        with_address = Config.model_validate(config.model_dump() | {"connect": section})
        setup.apply_connectors(Workspace(with_address))
        with ConnectApi(theirs.connect.url) as api:
            running = api.config(SOURCE)
        assert running["database.port"] == str(config.postgres.port)
        assert running["database.password"] == "${env:PENSTOCK_POSTGRES_PASSWORD}"
        assert running["value.converter.apicurio.registry.url"] == config.registry.url
        (health,) = (each for each in part_healths(theirs) if each.name == "connect")
        assert (health.state, health.answers) == ("not ours", True)
        without = Config.model_validate(
            {"state": tmp_path, "connect": {**section, "user": None, "password_file": None}}
        )
        with ConnectApi(without.connect.url) as api, pytest.raises(ConnectRefused, match="401"):
            api.status(SOURCE)
        untrusted = Config.model_validate({"state": tmp_path, "connect": {**section, "ca_file": None}})
        with ConnectApi(untrusted.connect.url) as api, pytest.raises(ConnectUnreachable):
            api.status(SOURCE)


def test_no_secret_is_in_a_file_an_argument_or_an_answer(config: Config) -> None:
    seen = {
        str(file): file.read_bytes().decode(errors="replace") for file in config.state_dir.rglob("*") if _is_ours(file)
    }
    seen["the process list"] = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True).stdout
    with ConnectApi(config.connect.url) as api:
        for name in (SOURCE, SINK):
            seen[f"the configuration of {name}"] = str(api.config(name))
            seen[f"the status of {name}"] = str(api.status(name))
            seen[f"the validation of {name}"] = str(api.validate(name, api.config(name)))
    found = [(where, secret) for where, text in seen.items() for secret in SECRETS if secret in text]
    assert found == []


def _is_ours(file: Path) -> bool:
    """Leave out what is no text: the JVM's archives of classes."""
    return file.is_file() and not re.search(r"\.(jsa|jar|so)$", file.name)
