"""A Cassandra of others: TLS, the certificate's address, a role with a password and no more rights than it needs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.cassandra.schema import KeyspaceDiffers
from penstock.cassandra.session import CassandraRefused, CassandraUnreachable, open_session
from penstock.clone import ROOT
from penstock.config import Config
from penstock.errors import PenstockError
from penstock.layout import Layout
from penstock.project.connectors import declared_connectors, trust_store
from penstock.project.workspace import Workspace
from penstock.setup.actions import create_view_tables
from penstock.stack.health import part_healths
from penstock.stack.parts.connect import connect
from tests.integration.certificates import Certificates
from tests.integration.their_cassandra import PASSWORD, TheirCassandra, their_cassandra


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TheirCassandra]:
    folder = tmp_path_factory.mktemp("theirs")
    with their_cassandra(folder, Certificates.made_in(folder / "tls")) as server:
        yield server


@pytest.fixture
def config(theirs: TheirCassandra, tmp_path: Path) -> Config:
    return with_section(theirs, tmp_path)


def with_section(theirs: TheirCassandra, state: Path, **more: Any) -> Config:
    return Config.model_validate({"state": state, "cassandra": {**theirs.section, **more}})


def test_it_is_not_ours_and_answers(config: Config) -> None:
    (health,) = (each for each in part_healths(config) if each.name == "cassandra")
    assert (health.state, health.answers) == ("not ours", True)


def test_the_tables_are_made_written_and_read_with_those_rights_alone(config: Config) -> None:
    create_view_tables(Workspace(config))
    create_view_tables(Workspace(config))
    with open_session(config) as session:
        session.execute("CREATE TABLE IF NOT EXISTS penstock.tried (id int PRIMARY KEY)")
        session.execute("INSERT INTO penstock.tried (id) VALUES (1) USING TIMESTAMP 1")
        assert [row["id"] for row in session.execute("SELECT id FROM penstock.tried")] == [1]
        session.execute("DROP TABLE penstock.tried")
    with pytest.raises(CassandraRefused, match="no CREATE permission"), open_session(config) as session:
        session.execute("CREATE KEYSPACE other WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")


def test_another_replication_is_said(theirs: TheirCassandra, tmp_path: Path) -> None:
    with pytest.raises(KeyspaceDiffers, match="'datacenter1': '3'"):
        create_view_tables(Workspace(with_section(theirs, tmp_path, replication={"datacenter1": 3})))


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ({"user": None, "password_file": None}, PenstockError, "uthenticat"),
        ({"user": "stranger"}, CassandraRefused, "incorrect"),
        ({"ca_file": None}, CassandraUnreachable, "CERTIFICATE_VERIFY_FAILED"),
        ({"tls": False}, CassandraUnreachable, ""),
    ],
)
def test_what_is_wrong_is_said_and_no_password_with_it(
    theirs: TheirCassandra, tmp_path: Path, wrong: dict[str, Any], error: type[PenstockError], says: str
) -> None:
    with pytest.raises(error) as failed, open_session(with_section(theirs, tmp_path, **wrong)):
        pass
    assert says in str(failed.value)
    assert PASSWORD not in str(failed.value)


def test_the_certificate_must_carry_the_address(theirs: TheirCassandra, tmp_path: Path) -> None:
    other = {"contact_points": ["127.0.0.2"]}
    with (
        pytest.raises(CassandraUnreachable, match="IP address mismatch"),
        open_session(with_section(theirs, tmp_path, **other)),
    ):
        pass
    with open_session(with_section(theirs, tmp_path, **other, check_hostname=False)):
        pass


def test_the_sink_is_configured_with_the_same_without_the_password(config: Config) -> None:
    connect(config, Layout.of(config)).prepare()
    (sink,) = declared_connectors(config, names=["cassandra-views-sink"])
    access = {key: value for key, value in sink.config.items() if key.startswith(("auth.", "ssl."))}
    assert access == {
        "auth.username": "penstock",
        "auth.password": "${env:PENSTOCK_CASSANDRA_PASSWORD}",
        "ssl.provider": "JDK",
        "ssl.hostnameValidation": "true",
        "ssl.truststore.path": str(trust_store(config)),
    }
    assert trust_store(config).exists()


def test_cqlsh_logs_in_and_no_argument_of_it_is_the_password(config: Config, tmp_path: Path) -> None:
    section = config.cassandra
    file = tmp_path / "penstock.toml"
    file.write_text(
        f'state = "{config.state}"\n[cassandra]\nmanaged = false\nport = {section.port}\nuser = "penstock"\n'
        f'password_file = "{section.password_file}"\ntls = true\nca_file = "{section.ca_file}"\n'
    )
    command = [str(Path(sys.executable).with_name("penstock")), "cqlsh", "-e", "LIST ROLES OF penstock"]
    environment = {**os.environ, "PENSTOCK_CONFIG": str(file)}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "penstock" in done.stdout
    assert PASSWORD not in done.stdout + done.stderr
