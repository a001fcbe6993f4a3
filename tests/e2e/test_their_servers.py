"""`penstock up` against servers of others: Postgres, Kafka and Cassandra with TLS and passwords, and no superuser."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from penstock.cassandra.session import open_session
from penstock.clone import ROOT
from penstock.config import Config, load_config
from penstock.wait import wait_until
from tests.integration.certificates import STORE_PASSWORD, Certificates
from tests.integration.servers import free_port
from tests.integration.their_cassandra import PASSWORD as CASSANDRA_PASSWORD
from tests.integration.their_cassandra import their_cassandra
from tests.integration.their_kafka import their_kafka
from tests.integration.their_postgres import INSERT, Server, their_postgres
from tests.integration.their_postgres import PASSWORD as POSTGRES_PASSWORD
from tests.patience import PATIENCE_S
from tests.project import copy_project

pytestmark = pytest.mark.slow

SECRETS = (POSTGRES_PASSWORD, CASSANDRA_PASSWORD, "k4fka", STORE_PASSWORD)
UP_S = 1200
TOML = """
state = "{state}"
project = "{project}"
[airflow]
enabled = false
[registry]
port = {ports[0]}
[connect]
port = {ports[1]}
[spark]
master_port = {ports[2]}
master_ui_port = {ports[3]}
worker_port = {ports[4]}
worker_ui_port = {ports[5]}
[console]
port = {ports[6]}
"""


class Theirs:
    """Penstock on servers of others."""

    def __init__(self, file: Path, postgres: Server) -> None:
        self.file, self.postgres = file, postgres

    @property
    def config(self) -> Config:
        """What Penstock has."""
        return load_config(self.file)

    def run(self, *arguments: str, check: bool = True) -> str:
        """Run a command of Penstock's and return what it prints."""
        command = [str(Path(sys.executable).with_name("penstock")), *arguments]
        environment = {**os.environ, "PENSTOCK_CONFIG": str(self.file)}
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=UP_S)
        assert not check or done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def in_postgres(self) -> set[tuple[str, str]]:
        """Return id and first name of every user."""
        return {tuple(map(str, row)) for row in self.postgres.as_superuser("SELECT id, first_name FROM users")}  # type: ignore[misc]

    def in_cassandra(self) -> set[tuple[str, str]]:
        """Return the same of the view."""
        with open_session(self.config) as session:
            rows = session.execute("SELECT id, first_name FROM penstock.users_by_id")
            return {(str(row["id"]), row["first_name"]) for row in rows}


def section(name: str, values: dict[str, object]) -> str:
    """Write a section of `penstock.toml`."""
    lines = [f"{key} = {_written(value)}" for key, value in values.items()]
    return "\n".join([f"[{name}]", *lines, ""])


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool | int) else f'"{value}"'


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theirs]:
    folder = tmp_path_factory.mktemp("e2e-theirs")
    certificates = Certificates.made_in(folder / "tls")
    with ExitStack() as running:
        postgres = running.enter_context(their_postgres(folder, certificates))
        kafka = running.enter_context(their_kafka(folder, certificates))
        cassandra = running.enter_context(their_cassandra(folder, certificates))
        file = folder / "penstock.toml"
        file.write_text(
            TOML.format(
                state=folder / "ours", project=copy_project(folder / "project"), ports=[free_port() for _ in range(7)]
            )
            + section("postgres", postgres.section)
            + section("kafka", kafka.section("scram"))
            + section("cassandra", cassandra.section)
        )
        theirs = Theirs(file, postgres)
        try:
            theirs.run("up")
            yield theirs
        finally:
            theirs.run("down", check=False)


def wait_until_equal(theirs: Theirs) -> None:
    is_equal: Callable[[], bool] = lambda: theirs.in_cassandra() == theirs.in_postgres()  # noqa: E731
    wait_until(is_equal, timeout_s=PATIENCE_S, what="the view is the table")


def test_what_was_there_is_in_the_view(theirs: Theirs) -> None:
    assert len(theirs.in_postgres()) == 1
    wait_until_equal(theirs)


def test_changes_follow_and_are_verified(theirs: Theirs) -> None:
    for _ in range(20):
        theirs.postgres.as_superuser(INSERT)
    theirs.postgres.as_superuser("UPDATE users SET first_name = 'Changed' WHERE id IN (SELECT id FROM users LIMIT 5)")
    theirs.postgres.as_superuser("DELETE FROM users WHERE id IN (SELECT id FROM users LIMIT 3)")
    wait_until_equal(theirs)
    theirs.run("verify")


def test_rows_that_ddl_wrote_anew_are_right_after_the_next_up(theirs: Theirs) -> None:
    rewrite = "ALTER TABLE users ALTER first_name TYPE text USING first_name || ' II'"
    theirs.postgres.as_superuser(f"SET ROLE application; {rewrite}")
    theirs.run("up")
    wait_until_equal(theirs)
    theirs.run("verify")


def test_a_view_is_made_and_dropped(theirs: Theirs) -> None:
    theirs.run("views", "new", "users", "--name", "people")
    theirs.run("views", "apply")
    theirs.run("verify", "people")
    (file,) = (theirs.config.project / "spark/views").glob("people.py")
    file.unlink()
    theirs.run("views", "drop", "people", "--yes")
    with open_session(theirs.config) as session:
        tables = session.execute("SELECT table_name FROM system_schema.tables WHERE keyspace_name = 'penstock'")
        assert "people" not in {row["table_name"] for row in tables}
    theirs.run("verify")


def test_everything_is_read_again(theirs: Theirs) -> None:
    with open_session(theirs.config) as session:
        session.execute("TRUNCATE penstock.users_by_id")
    theirs.run("views", "rebuild")
    wait_until_equal(theirs)
    theirs.run("verify")


def test_status_tells_ours_from_theirs(theirs: Theirs) -> None:
    said = theirs.run("status", check=False)
    for part in ("postgres", "kafka", "cassandra"):
        assert re.search(rf"^ *{part} +not ours ", said, re.MULTILINE), said


def test_the_doctor_finds_nothing_that_stops_it(theirs: Theirs) -> None:
    said = theirs.run("doctor")
    assert "Nothing stops Penstock" in said
    assert [secret for secret in SECRETS if secret in said] == []


def test_no_secret_is_seen(theirs: Theirs) -> None:
    launch = theirs.config.state_dir / "run" / "parts"  # the environment of each part, for its owner only
    files = [file for file in theirs.config.state_dir.rglob("*") if file.is_file() and launch not in file.parents]
    assert {file.stat().st_mode & 0o777 for file in launch.glob("*.json")} == {0o600}
    seen = {str(file): file.read_bytes().decode(errors="replace") for file in files if file.suffix != ".jsa"}
    seen["the process list"] = subprocess.run(
        ["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True
    ).stdout
    assert [(where, secret) for where, text in seen.items() for secret in SECRETS if secret in text] == []


def test_reset_leaves_their_servers_and_says_what(theirs: Theirs) -> None:
    said = theirs.run("reset", "--yes")
    assert "pg_drop_replication_slot('penstock')" in said
    assert "DROP KEYSPACE penstock" in said
    assert theirs.in_postgres()
