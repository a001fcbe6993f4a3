"""The secrets of a secured stack: made once, for one user, and what they make of the configuration."""

from __future__ import annotations

import shutil
import ssl
from pathlib import Path

import pytest
from cryptography import x509

from penstock.config import Config, from_json, to_json
from penstock.layout import Layout
from penstock.secured import Secrets, secured, unsecured
from penstock.stack.make_secrets import (
    CannotSecure,
    make_secrets,
    refuse_containers,
    refuse_open_doors,
    write_clients_files,
)
from penstock.stack.parts.kafka import render_properties

NAMED = {"host": "connect"}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(state=tmp_path / "s")


def test_they_are_made_once_and_for_one_user_only(config: Config) -> None:
    make_secrets(config)
    folder = Secrets.of(config).folder
    made = {file.name: file.read_bytes() for file in folder.iterdir()}
    write_clients_files(config)
    make_secrets(config)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    assert {name: (folder / name).read_bytes() for name in made} == made
    assert not (folder / "ca.key").exists()


def test_each_certificate_is_trusted_by_the_authority_and_has_its_key(config: Config) -> None:
    make_secrets(config)
    secrets = Secrets.of(config)
    ssl.create_default_context(cafile=secrets.ca)
    for part in ("api", "postgres", "kafka", "registry", "connect", "cassandra", "airflow", "console"):
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(secrets.certificate(part), secrets.key(part))


def test_clients_are_let_in_as_by_servers_of_others(config: Config) -> None:
    assert secured(config) is config
    make_secrets(config)
    write_clients_files(config)
    full = secured(config)
    assert full.postgres.tls["sslmode"] == "verify-full"
    assert full.kafka.bootstrap.properties_file is not None
    assert full.connect.url == "https://127.0.0.1:8083"
    assert full.connect.url.let_in.user == "penstock"
    assert full.console.url.startswith("https://")
    assert full.api.url.startswith("https://")
    assert full.airflow.url == "https://127.0.0.1:8080"
    assert full.airflow.let_in.user == "penstock"
    assert full.cassandra.tls
    assert len({full.postgres.password, full.cassandra.password, full.connect.let_in.password}) == 3


def test_who_reads_and_the_source_log_in_as_roles_of_their_own(config: Config) -> None:
    make_secrets(config)
    before = secured(config)  # with the secrets of an earlier version
    assert before.reading.database == before.replicating.database == before.database
    write_clients_files(config)
    full = secured(config)
    found = {each.database.user: each.database.password for each in (full, full.reading, full.replicating)}
    assert [*found] == ["postgres", "penstock_reader", "penstock_replicator"]
    assert len({*found.values()}) == 3
    assert full.replicating.database.tls == full.database.tls


def test_every_copy_of_the_secrets_has_the_same_passwords_of_these_roles(config: Config, tmp_path: Path) -> None:
    make_secrets(config)
    copy = config.model_copy(update={"state": tmp_path / "copy"})
    shutil.copytree(Secrets.of(config).folder, Secrets.of(copy).folder)
    for each in (config, copy):
        write_clients_files(each)
    assert secured(copy).reading.database.password == secured(config).reading.database.password != ""


def test_a_process_of_ours_reads_the_configuration_that_it_is_given(config: Config) -> None:
    make_secrets(config)
    assert from_json(to_json(secured(config))) == secured(config)


def test_a_server_of_others_keeps_its_own_way_in(tmp_path: Path) -> None:
    theirs = {"managed": False, "user": "me", "base_url": "https://connect.example.com"}
    config = Config.model_validate({"state": tmp_path, "connect": theirs})
    make_secrets(config)
    assert secured(config).connect == config.connect
    assert unsecured(secured(config)).connect == config.connect


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"kafka": {"mode": "zookeeper"}}, "ZooKeeper"),
        ({"connect": {"host": "0.0.0.0"}}, "loopback only, and not connect"),  # noqa: S104 - refused
        ({"airflow": {"host": "10.0.0.1"}}, "loopback only, and not airflow"),
        ({"spark": {"local_host": "10.0.0.1"}}, "loopback only, and not spark"),
    ],
)
def test_what_would_leave_a_door_open_is_refused(tmp_path: Path, more: dict[str, object], why: str) -> None:
    config = Config.model_validate({"state": tmp_path, **more})
    with pytest.raises(CannotSecure, match=why):
        make_secrets(config)
    assert not Secrets.of(config).exist


def test_secrets_of_an_earlier_version_are_refused(config: Config) -> None:
    make_secrets(config)
    Secrets.of(config).certificate("airflow").unlink()
    with pytest.raises(CannotSecure, match="no certificate of airflow: an earlier version"):
        refuse_open_doors(config)


def test_containers_are_secured_by_their_compose_file(config: Config) -> None:
    refuse_containers(config)
    with pytest.raises(CannotSecure, match=r"secure\.yml"):
        refuse_containers(config.model_copy(update={"supervised": False}))


def test_a_container_is_known_by_the_name_of_its_service_too(config: Config) -> None:
    inside = config.model_copy(update={"supervised": False, "connect": config.connect.model_copy(update=NAMED)})
    make_secrets(inside)
    assert _names(Secrets.of(inside).certificate("connect")) == ["localhost", "connect"]
    assert _names(Secrets.of(inside).certificate("registry")) == ["localhost"]


def _names(certificate: Path) -> list[str]:
    read = x509.load_pem_x509_certificate(certificate.read_bytes())
    return read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)


def test_the_door_of_a_broker_for_its_host_is_closed_too(config: Config) -> None:
    kafka = config.kafka.model_copy(update={"host": "kafka", "port": 19092, "host_port": 9092})
    inside = config.model_copy(update={"supervised": False, "kafka": kafka})
    make_secrets(inside)
    write_clients_files(inside)
    lines = render_properties(inside, Layout.of(inside)).read_text().splitlines()
    last = dict(line.split("=", 1) for line in lines if "=" in line)
    assert last["listeners"] == "CLIENTS://kafka:19092,HOST://kafka:9092,CONTROLLER://kafka:9093"
    assert last["advertised.listeners"] == "CLIENTS://kafka:19092,HOST://127.0.0.1:9092"
    assert last["listener.security.protocol.map"] == "CLIENTS:SASL_SSL,HOST:SASL_SSL,CONTROLLER:SSL"


def test_a_stack_that_began_without_is_refused(config: Config) -> None:
    (config.state_dir / "data" / "postgres" / "base").mkdir(parents=True)
    with pytest.raises(CannotSecure, match="began without passwords"):
        make_secrets(config)
