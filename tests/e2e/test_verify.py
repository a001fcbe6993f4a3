"""`penstock verify` waits for what is on its way, and for nothing else; what is wrong it finds and names."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from penstock.config import ROOT
from penstock.views.connector_lists import SINK
from tests.e2e.oracle import wait_until_exact
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


def test_a_pipeline_that_stands_still_makes_no_row_right(stack: Stack, user: str) -> None:
    with paused_sink(stack):
        stack.sql("UPDATE public.users SET city = 'Later' WHERE id = %s", user)
        done = stack.run(".venv/bin/penstock verify users_by_id --patience 1", check=False)
    assert done.returncode == 1
    assert "not waited for any longer" in done.stderr
    assert f"users_by_id: different: id={user}" in done.stdout
    assert "city: Postgres 'Later', Cassandra NULL" in done.stdout


def test_rows_that_somebody_else_wrote_into_cassandra_are_found(stack: Stack, user: str) -> None:
    keyspace, ghost = stack.config.cassandra.keyspace, uuid.uuid4()
    stack.cql(f"INSERT INTO {keyspace}.users_by_id (id, email, row_version) VALUES ({ghost}, 'ghost', 1)")
    # Above the version of what the sink wrote: a client's own timestamps lie far below.
    (row,) = stack.cql(f"SELECT row_version FROM {keyspace}.users_by_id WHERE id = {user}")
    later = row["row_version"] + 1
    stack.cql(f"UPDATE {keyspace}.users_by_id USING TIMESTAMP {later} SET city = 'Wrong' WHERE id = {user}")
    done = stack.run(".venv/bin/penstock verify users_by_id", check=False)
    assert done.returncode == 1
    assert f"users_by_id: extra: id={ghost}" in done.stdout
    assert f"users_by_id: different: id={user}" in done.stdout
    assert "city: Postgres NULL, Cassandra 'Wrong'" in done.stdout
    stack.run(".venv/bin/penstock views repair users_by_id")
    stack.run(".venv/bin/penstock verify users_by_id")
