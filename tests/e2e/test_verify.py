"""`penstock verify` waits for what is on its way, and for nothing else; what is wrong it finds and names."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2
import pytest
import requests

from penstock.clone import ROOT
from penstock.project.folders import Project
from tests.e2e.oracle import wait_until_exact
from tests.names import SINK
from tests.patience import PATIENCE_S
from tests.stack import Stack

INSERT = """
INSERT INTO public.users (id, email, first_name, last_name, registered, country)
VALUES (%s, 'verify@example.com', 'Vera', 'Fy', '2022-02-02', 'Verify')
"""
WAITING = "waiting until Cassandra has"


@pytest.fixture
def user(stack: Stack) -> Iterator[str]:
    """Return the id of a user that every view holds."""
    wanted = str(uuid.uuid4())
    stack.sql(INSERT, wanted)
    wait_until_exact(stack)
    yield wanted
    stack.sql("DELETE FROM public.users WHERE country = 'Verify'")
    wait_until_exact(stack)


@contextmanager
def paused_sink(stack: Stack) -> Iterator[None]:
    """Keep what changes from Cassandra for a while."""
    stack.run(f".venv/bin/penstock connectors pause {SINK}")
    try:
        yield
    finally:
        stack.run(f".venv/bin/penstock connectors resume {SINK}")


@pytest.mark.slow
def test_a_change_on_its_way_is_waited_for_however_long_it_takes(stack: Stack, user: str) -> None:
    command = [".venv/bin/penstock", "verify", "users_by_id", "--json"]
    with paused_sink(stack):
        stack.sql("UPDATE public.users SET city = 'Later' WHERE id = %s", user)
        verifying = subprocess.Popen(
            command, cwd=ROOT, env=stack.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert verifying.stderr is not None
        # It has given up the quick looks, and now waits for the sink.
        assert any(WAITING in line for line in verifying.stderr)
    printed, _ = verifying.communicate(timeout=PATIENCE_S)
    (result,) = json.loads(printed)
    assert (verifying.returncode, result["equal"]) == (0, True)


@pytest.mark.slow
def test_a_verify_that_is_ended_says_nothing_of_its_insides(stack: Stack, user: str) -> None:
    command = [".venv/bin/penstock", "verify", "users_by_id"]
    with paused_sink(stack):
        stack.sql("UPDATE public.users SET city = 'Ended' WHERE id = %s", user)
        verifying = subprocess.Popen(
            command, cwd=ROOT, env=stack.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert verifying.stderr is not None
        assert "users_by_id: 1 rows differ" in verifying.stderr.readline()
        verifying.terminate()
        printed, said = verifying.communicate(timeout=PATIENCE_S)
    assert (verifying.returncode, printed) == (143, "")
    assert [line for line in said.splitlines() if not line.startswith("waiting until")] == []


@pytest.mark.slow
def test_a_pipeline_that_stands_still_makes_no_row_right(stack: Stack, user: str) -> None:
    with paused_sink(stack):
        stack.sql("UPDATE public.users SET city = 'Later' WHERE id = %s", user)
        done = stack.penstock("verify users_by_id --patience 1", check=False)
    assert done.returncode == 1
    assert "not waited for any longer" in done.stderr
    assert f"users_by_id: different: id={user}" in done.stdout
    assert "city: Postgres 'Later', Cassandra NULL" in done.stdout


def test_rows_that_somebody_else_wrote_into_cassandra_are_found(stack: Stack, user: str) -> None:
    keyspace, ghost = stack.config.names.keyspace, uuid.uuid4()
    stack.cql(f"INSERT INTO {keyspace}.users_by_id (id, email, row_version) VALUES ({ghost}, 'ghost', 1)")
    # Above the version of what the sink wrote: a client's own timestamps lie far below.
    (row,) = stack.cql(f"SELECT row_version FROM {keyspace}.users_by_id WHERE id = {user}")
    later = row["row_version"] + 1
    stack.cql(f"UPDATE {keyspace}.users_by_id USING TIMESTAMP {later} SET city = 'Wrong' WHERE id = {user}")
    done = stack.penstock("verify users_by_id", check=False)
    assert done.returncode == 1
    assert f"users_by_id: extra: id={ghost}" in done.stdout
    assert f"users_by_id: different: id={user}" in done.stdout
    assert "city: Postgres NULL, Cassandra 'Wrong'" in done.stdout
    stack.penstock("views repair users_by_id")
    stack.penstock("verify users_by_id")


@pytest.mark.slow
def test_a_row_that_was_changed_in_a_savepoint_is_everywhere(stack: Stack, user: str) -> None:
    connection = psycopg2.connect(stack.config.postgres.dsn)
    with closing(connection), connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()")
        cursor.execute("SAVEPOINT inner_one")
        cursor.execute("UPDATE public.users SET city = 'Saved' WHERE id = %s", (user,))
        cursor.execute("RELEASE SAVEPOINT inner_one")
    wait_until_exact(stack)
    url = f"{stack.config.console.url}/api/v1/rows/public.users/{user}"
    answer = requests.get(url, timeout=40).json()
    (change,) = [store for store in answer["stores"] if store["kind"] == "change"]
    assert (change["state"], change["value"]["city"]) == ("same", "Saved")
    assert answer["is_well"], answer["verdict"]


TABLE = """
CREATE TABLE public.parcels (id text PRIMARY KEY, place text, sent timestamptz, note text);
INSERT INTO public.parcels VALUES ('right', 'Oslo', '2026-01-01', 'a'), ('fine', 'Oslo', '2026-01-01 00:00:00.1', 'b'),
    ('nowhere', NULL, '2026-01-01', 'c'), ('micros', 'Oslo', '2026-01-01 00:00:00.000001', 'd'),
    ('empty', '', '2026-01-01', 'e')
"""
VIEWS = """
from penstock_views import aggregate, count, row, totals, view

@view("public.parcels", key=["place", "id"])
def parcels_by_place(p):
    return row(place=p.place, id=p.id, sent=p.sent)

@view("public.parcels", key=["id"])
def parcel_notes(p):
    return row(id=p.id, note=p.note)

@aggregate("public.parcels", key=["place"])
def parcel_counts(p):
    return totals(place=p.place, parcels=count()).where(p.place != "")
"""
NAMES = ("parcel_counts", "parcel_notes", "parcels_by_place")


@pytest.fixture(scope="module")
def parcels(stack: Stack) -> Iterator[Stack]:
    """Add a table with rows that views cannot hold, and its views; take them away again."""
    file = Project.of(stack.config).views / "parcels.py"
    for statement in TABLE.split(";"):
        stack.sql(statement)
    file.write_text(VIEWS)
    stack.penstock("views write", "views apply")
    yield stack
    file.unlink()
    stack.drop(*NAMES)
    stack.sql("DROP TABLE public.parcels")


def verified(stack: Stack, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Return the exit code and the results by view."""
    done = stack.penstock(" ".join(["verify --json", *arguments]), check=False)
    return done.returncode, {result["view"]: result for result in json.loads(done.stdout)}


def test_rows_of_the_table_without_a_row_are_counted_with_their_reasons(parcels: Stack) -> None:
    _, results = verified(parcels, "parcels_by_place", "parcel_counts")
    by_place = results["parcels_by_place"]
    # Cassandra can look for no row with an empty partition key; whoever refuses it, the comparison goes on.
    assert by_place["no_row"] + by_place["counts"]["missing"] == 3
    parcels.sql("DELETE FROM public.parcels WHERE id = 'empty'")
    code, results = verified(parcels, *NAMES)
    absences = {(each["reason"], each["rows"], each["example"]) for each in results["parcels_by_place"]["absences"]}
    assert (code, results["parcels_by_place"]["actual_rows"]) == (0, 2)
    assert ("view parcels_by_place: key column place is NULL", 1, "id=nowhere") in absences
    assert {example for _, _, example in absences} == {"id=nowhere", "id=micros"}
    assert {name: result["no_row"] for name, result in results.items()} == {
        "parcels_by_place": 2,
        "parcel_notes": 0,
        "parcel_counts": 0,
    }
    strict = parcels.penstock("verify parcels_by_place --strict", check=False)
    assert strict.returncode == 1
    assert "parcels_by_place: 1 row of the table has no row: view parcels_by_place: key column" in strict.stdout


def test_a_row_that_the_view_cannot_hold_is_not_said_to_be_repaired(parcels: Stack) -> None:
    refused = parcels.penstock("views repair parcels_by_place nowhere", check=False)
    assert refused.returncode == 1
    assert "public.parcels id=nowhere has no row in view parcels_by_place, nor can it have one: view" in refused.stderr
    assert "key column place is NULL" in refused.stderr
    assert "repaired" not in refused.stdout


@pytest.mark.slow
def test_a_version_that_no_change_can_write_over_is_a_difference(parcels: Stack) -> None:
    version, keyspace = 2**60, parcels.config.names.keyspace
    parcels.cql(
        f"UPDATE {keyspace}.parcel_notes USING TIMESTAMP {version} SET row_version = {version} WHERE id = 'fine'"
    )
    code, results = verified(parcels, "parcel_notes")
    (difference,) = results["parcel_notes"]["differences"]
    assert (code, difference["kind"], difference["key"]) == (1, "different", {"id": "fine"})
    assert [(each["column"], each["actual"]) for each in difference["columns"]] == [("row_version", str(version))]


@pytest.mark.slow
def test_a_stopped_view_is_one_line_of_the_result(parcels: Stack) -> None:
    parcels.sql("ALTER TABLE public.parcels DROP COLUMN note")
    done = parcels.penstock("verify", check=False)
    assert done.returncode == 1
    assert "parcel_notes: stopped: " in done.stdout and "has no column `note`" in done.stdout
    assert done.stdout.count("equal") == 6
    assert "Traceback" not in done.stderr
