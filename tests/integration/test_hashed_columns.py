"""Hashed columns on a real Postgres and the real source: every reading gives the same hash, none the value."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from penstock_views.snapshot.images import read_images
from penstock_views.stream.session import local_session
from penstock_views.types.encodings import REFUSED

from penstock.config import Config
from penstock.console.service.source_row import read_source_row
from penstock.excluded import NONE
from penstock.hashed import NOT_HASHED
from penstock.local_spark import read_by_spark
from penstock.postgres.connection import connect
from penstock.postgres.exclusions import ExclusionsUnfit, HiddenOtherwise, refuse_others
from penstock.postgres.own import Connection
from penstock.postgres.publication import publish
from penstock.postgres.silent import silent_changes
from penstock.project.workspace import Workspace
from penstock.setup.actions import create_tables
from penstock.wait import wait_until
from tests.integration.source_alone import SourceAlone
from tests.patience import PATIENCE_S

TABLES = """
CREATE DOMAIN public.mail AS varchar(80);
CREATE TABLE public.people (
    id text PRIMARY KEY, email text, "größe, ""x"" (a.b) " text NOT NULL DEFAULT 'hidden-default',
    code character(12), mail public.mail, age integer NOT NULL DEFAULT 4711, seen text
);
"""
HASHED = ["email", 'größe, "x" (a.b) ', "code", "mail"]
VALUES = {
    "plain": "hidden@example.org",
    "empty": "",
    "blank": " hidden ",
    "odd": "hidden größe 😀 \\ 'x' %s {0} $1\n\t\"",
    "large": "hidden" * 1_500_000,
}
SMALL = {name: value[:12] for name, value in VALUES.items()}


@pytest.fixture
def hashing(config: Config, tmp_path: Path) -> Iterator[Config]:
    with connect(config) as connection, connection, connection.cursor() as cursor:
        cursor.execute(TABLES)
    file = tmp_path / "hash.secret"
    file.write_text("the secret of this very test, no other\n")
    more = {"tables": {"public.people": {"hash": HASHED}}, "hash_secret_file": str(file)}
    yield Config.model_validate(config.model_dump() | more)
    with connect(config) as connection, connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE people; DROP DOMAIN mail; DELETE FROM penstock.excluded_columns")
        cursor.execute("DELETE FROM penstock.silent_changes")


@pytest.fixture
def connection(hashing: Config) -> Iterator[Connection]:
    with connect(hashing) as connection:
        connection.autocommit = True
        yield connection


def run(connection: Connection, statement: str, *values: str | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)


def insert(connection: Connection, prefix: str) -> None:
    for name, value in VALUES.items():
        row = (f"{prefix} {name}", value, value, SMALL[name], SMALL[name])
        run(connection, "INSERT INTO people VALUES (%s, %s, %s, %s, %s, DEFAULT, 'seen')", *row)


def hashed(config: Config, value: str) -> str:
    """Return the hash, as none of ours computes it."""
    assert config.hash_secret_file is not None
    secret = config.hash_secret_file.read_bytes().strip()
    return hmac.new(secret, value.encode(), "sha256").hexdigest()


def expected(config: Config, name: str) -> tuple[str, ...]:
    """Return the hashes of a row's columns; character(n) is filled with blanks."""
    small = SMALL[name]
    return tuple(hashed(config, text) for text in (VALUES[name], VALUES[name], small.ljust(12), small))


@pytest.mark.slow
def test_each_record_of_the_source_has_the_hash_and_never_the_value(
    hashing: Config, connection: Connection, tmp_path: Path
) -> None:
    create_tables(Workspace(hashing))
    with connect(hashing) as own:
        publish(own, ["public.people"])
    insert(connection, "snapshot")
    more = {"changes.whole": "yes", "signal.data.collection": "penstock.signals", "signal.enabled.channels": "source"}
    source = SourceAlone(hashing, tmp_path, table="public.people", more=more)
    streams = "SELECT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = 'penstock' AND active)"
    wait_until(lambda: holds(connection, streams), timeout_s=PATIENCE_S, what="the source reads on")
    insert(connection, "stream")
    run(connection, "UPDATE people SET email = NULL, code = NULL WHERE id = 'stream plain'")
    run(connection, "UPDATE people SET id = 'moved' WHERE id = 'stream empty'")
    run(connection, "DELETE FROM people WHERE id = 'stream blank'")
    reread = '{"data-collections": ["public.people"], "type": "incremental"}'
    run(connection, "INSERT INTO penstock.signals (id, type, data) VALUES ('again', 'execute-snapshot', %s)", reread)
    is_read = "SELECT n_tup_del > 0 FROM pg_stat_user_tables WHERE relid = 'penstock.signals'::regclass"
    wait_until(lambda: holds(connection, is_read), timeout_s=PATIENCE_S, what="the table was read again")
    run(connection, "ALTER TABLE people ALTER email TYPE integer USING 815")
    run(connection, "INSERT INTO people (id, email) VALUES ('no text', 815)")
    run(connection, "INSERT INTO people (id) VALUES ('end')")
    records = [record for record in source.records() if "app.public.people" in record]
    assert [record for record in records if "hidden" in record or "=815" in record] == []
    for prefix in ("snapshot", "stream"):
        for name in VALUES:
            of_row = [each for each in records if f"id={prefix} {name}," in each]
            assert of_row
            assert [each[:300] for each in of_row if not holds_all(each, expected(hashing, name))] == []
    assert len([each for each in records if "id=snapshot odd," in each and "op=r" in each]) >= 2
    (moved,) = (each for each in records if "id=moved," in each and "op=c" in each)
    assert holds_all(moved, expected(hashing, "empty"))
    assert [each for each in records if "left.out" in each and "id=no text," not in each] == []
    (other,) = (each for each in records if "id=no text," in each)
    assert "email=int32, which is no text" in other


def holds(connection: Connection, question: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone() == (True,)


def holds_all(record: str, hashes: tuple[str, ...]) -> bool:
    return all(each in record for each in hashes)


def test_what_is_read_of_postgres_has_the_same(hashing: Config, connection: Connection) -> None:
    insert(connection, "read")
    run(connection, "INSERT INTO people (id) VALUES ('null')")
    images = read_images(local_session(), "public.people", read_by_spark(hashing))
    rows = {row["id"]: row for row in images.collect()}
    for name in VALUES:
        row = rows[f"read {name}"]
        assert tuple(row)[1:5] == expected(hashing, name)
        assert (row["age"], row["seen"], row[REFUSED.name]) == (4711, "seen", None)
    assert tuple(rows["null"])[1:5] == (None, hashed(hashing, "hidden-default"), None, None)


def test_the_control_center_reads_the_same(hashing: Config, connection: Connection) -> None:
    insert(connection, "one")
    found = read_source_row(hashing.postgres.dsn, "public.people", {"id": "one odd"}, types={}, hashed=hashing.hashed)
    assert found.value is not None
    assert tuple(found.value.values()) == ("one odd", *expected(hashing, "odd"), 4711, "seen")


def test_no_statement_and_no_view_of_postgres_shows_the_secret(hashing: Config, connection: Connection) -> None:
    insert(connection, "one")
    read_source_row(hashing.postgres.dsn, "public.people", {"id": "one odd"}, types={}, hashed=hashing.hashed)
    padded = hashing.hashed.session.split()[1].split("=")[1]
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(t::text, ' ') FROM pg_stat_activity t")
        (text,) = cursor.fetchone() or ("",)
    assert padded not in text
    assert hashing.hashed.secret not in text


def test_another_secret_and_the_end_of_it_are_read_again_and_said(
    config: Config, hashing: Config, connection: Connection
) -> None:
    with connect(config) as own:
        publish(own, ["public.people"])
    create_tables(Workspace(config))
    first = hashing.hashed.fingerprint
    assert f"public.people: email is hashed with secret {first} from now on" in create_tables(Workspace(hashing))
    assert "hashed" not in create_tables(Workspace(hashing))
    assert hashing.hash_secret_file is not None
    hashing.hash_secret_file.write_text("quite another secret, and as long as that")
    assert f"email is hashed with secret {hashing.hashed.fingerprint} from now on" in create_tables(Workspace(hashing))
    excluding = Config.model_validate(config.model_dump() | {"tables": {"public.people": {"exclude": ["email"]}}})
    said = create_tables(Workspace(excluding))
    assert "email is excluded from now on" in said
    assert "code is no longer hashed" in said
    assert len(silent_changes(connection, ["public.people"])) == len(HASHED) * 3


def test_a_job_that_knows_others_is_refused(hashing: Config, connection: Connection) -> None:
    create_tables(Workspace(hashing))
    refuse_others(connection, "public.people", NONE, hashing.hashed)
    refuse_others(connection, "public.other", NONE, hashing.hashed)
    other = hashing.hashed.with_secret("another secret, which has 32 characters")
    for hashed in (NOT_HASHED, other):
        with pytest.raises(HiddenOtherwise, match=r"other excluded or hashed columns of public\.people"):
            refuse_others(connection, "public.people", NONE, hashed)


def test_what_cannot_be_hashed_stops_all(config: Config, hashing: Config) -> None:
    cases = {"id": "is of the primary key", "age": "is no text", "mial": "is hashed, and there is no such column"}
    for name, what in cases.items():
        more = {"tables": {"public.people": {"hash": [name]}}, "hash_secret_file": str(hashing.hash_secret_file)}
        wrong = Config.model_validate(config.model_dump() | more)
        with pytest.raises(ExclusionsUnfit, match=rf"nothing was applied:\s+public\.people\.{name} .*{what}"):
            create_tables(Workspace(wrong))


def test_one_cannot_be_renamed(hashing: Config, connection: Connection) -> None:
    create_tables(Workspace(hashing))
    with pytest.raises(psycopg2.errors.RaiseException, match="would be sent under another name"):
        run(connection, "ALTER TABLE people RENAME COLUMN email TO mail_address")
