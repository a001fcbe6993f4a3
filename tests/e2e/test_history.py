"""The history of a row in Cassandra is the list of what was done to it in Postgres, in order and whole."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from typing import Any

import pytest

from penstock.layout import Layout
from penstock.project.folders import Project
from penstock.stack.supervisor import Supervisor
from penstock.wait import wait_until
from tests.names import topic_of
from tests.patience import PATIENCE_S
from tests.stack import Stack, all_the_while

INSERT = """
INSERT INTO public.users (id, email, first_name, last_name, registered, country, latitude, timezone)
VALUES (%s, %s, 'Ada', 'Lovelace', '2020-02-29 12:00:00.123+00', 'Atlantis', 51.5000, '{"offset": "+0:00"}')
"""


@pytest.fixture
def user(stack: Stack) -> Iterator[str]:
    """Insert a user of our own and remove it afterwards."""
    identity = str(uuid.uuid4())
    stack.sql(INSERT, identity, "ada@example.com")
    yield identity
    stack.sql("DELETE FROM public.users WHERE id = %s", identity)


def entries(stack: Stack, identity: str, number: int) -> list[dict[str, Any]]:
    """Wait until a user has so many entries; return them, oldest first."""
    query = f"SELECT * FROM {stack.config.names.keyspace}.user_history WHERE id = %s"
    deadline = time.monotonic() + PATIENCE_S
    while len(rows := stack.cql(query, uuid.UUID(identity))) < number:
        assert time.monotonic() < deadline, f"{len(rows)} of {number} entries after {PATIENCE_S} s"
        time.sleep(0.05)
    assert len(rows) == number
    return [dict(row) for row in reversed(rows)]


def test_each_change_is_an_entry_with_before_and_after(stack: Stack, user: str) -> None:
    stack.sql("UPDATE public.users SET first_name = 'Augusta', latitude = NULL WHERE id = %s", user)
    stack.sql("DELETE FROM public.users WHERE id = %s", user)
    created, updated, deleted = entries(stack, user, 3)
    assert [entry["op"] for entry in (created, updated, deleted)] == ["c", "u", "d"]
    assert [created["before"], deleted["after"]] == [None, None]
    assert json.loads(created["after"]) == json.loads(updated["before"])
    assert json.loads(updated["after"]) == json.loads(deleted["before"])
    assert json.loads(updated["changed"]) == ["first_name", "latitude"]
    after = json.loads(created["after"])
    assert (after["id"], after["registered"], after["latitude"], after["gender"]) == (
        user,
        "2020-02-29T12:00:00.123000Z",
        51.5,
        None,
    )
    columns = [name for (name,) in stack.sql(_COLUMNS)]
    # A column that was dropped stays in the job's reader schema, as NULL.
    assert [name for name in after if name in columns or after[name] is not None] == columns


_COLUMNS = (
    "SELECT attname FROM pg_attribute WHERE attrelid = 'public.users'::regclass AND attnum > 0"
    " AND NOT attisdropped ORDER BY attnum"
)


def test_an_entry_names_its_transaction_and_when_it_committed(stack: Stack, user: str) -> None:
    statement = "UPDATE public.users SET city = 'Mu' WHERE id = %s RETURNING pg_current_xact_id()::text, now()"
    ((xid, started),) = stack.sql(statement, user)
    updated = entries(stack, user, 2)[-1]
    assert updated["tx_id"] == int(xid) % 2**32
    assert abs((updated["committed_at"].replace(tzinfo=UTC) - started).total_seconds()) < PATIENCE_S
    assert updated["row_version"] == updated["version"]


def test_two_updates_in_one_transaction_are_two_entries_in_order(stack: Stack, user: str) -> None:
    statement = "UPDATE public.users SET city = 'One' WHERE id = %s; UPDATE public.users SET city = 'Two' WHERE id = %s"
    stack.sql(statement, user, user)
    _, first, second = entries(stack, user, 3)
    assert [json.loads(entry["after"])["city"] for entry in (first, second)] == ["One", "Two"]
    assert first["tx_id"] == second["tx_id"]


def test_a_changed_primary_key_ends_one_history_and_begins_another(stack: Stack, user: str) -> None:
    new = str(uuid.uuid4())
    stack.sql("UPDATE public.users SET id = %s WHERE id = %s", new, user)
    assert entries(stack, user, 2)[-1]["op"] == "d"
    (begins,) = entries(stack, new, 1)
    assert (begins["op"], begins["before"], begins["changed"]) == ("c", None, None)
    stack.sql("DELETE FROM public.users WHERE id = %s", new)
    assert entries(stack, new, 2)[-1]["op"] == "d"


def test_verify_finds_an_entry_that_is_missing_in_the_middle(stack: Stack, user: str) -> None:
    stack.sql("UPDATE public.users SET city = 'One' WHERE id = %s", user)
    stack.sql("UPDATE public.users SET city = 'Two' WHERE id = %s", user)
    middle = entries(stack, user, 3)[1]
    delete = f"DELETE FROM {stack.config.names.keyspace}.user_history USING TIMESTAMP {2**62} WHERE id = %s"
    stack.cql(f"{delete} AND version = %s", uuid.UUID(user), middle["version"])
    said = stack.penstock("verify user_history --patience 0 --json", check=False)
    assert said.returncode == 1
    assert "is not the after of the entry before it" in said.stdout
    stack.cql(delete, uuid.UUID(user))


RAISED = '''"""A history whose function changes while its table does."""

from penstock_views import Image, Row, history, row
from pyspark.sql import functions as F


@history("public.raised", key=["id"], revision={revision})
def raised_history(r: Image) -> Row:
    """Keep every change."""
    return {returns}
'''
ROWS = 20


@pytest.fixture
def raised(stack: Stack) -> Iterator[Stack]:
    """Make a history of a table with rows; take it away again."""
    stack.sql("CREATE TABLE public.raised (id int PRIMARY KEY, a text)")
    stack.sql(f"INSERT INTO public.raised SELECT n, 'row ' || n FROM generate_series(0, {ROWS}) n")
    apply(stack, revision=1, returns="row(id=r.id, a=r.a)")
    yield stack
    (Project.of(stack.config).views / "raised.py").unlink()
    stack.drop("raised_history")
    stack.sql("DROP TABLE public.raised")


def apply(stack: Stack, *, revision: int, returns: str, table: str = "raised") -> None:
    text = RAISED.format(revision=revision, returns=returns).replace("public.raised", f"public.{table}")
    (Project.of(stack.config).views / "raised.py").write_text(text)
    stack.penstock("views write", "views apply")


def updates(stack: Stack) -> Counter[int]:
    """Count the entries of each row that say that it was changed."""
    found = stack.cql(f"SELECT id, op FROM {stack.config.names.keyspace}.raised_history")
    return Counter(entry["id"] for entry in found if entry["op"] == "u")


@contextmanager
def updated_all_the_while(stack: Stack, made: Counter[int]) -> Iterator[None]:
    chance = random.Random(31)  # noqa: S311 - no secret

    def update() -> None:
        number = chance.randint(1, ROWS)
        stack.sql("UPDATE public.raised SET a = a || '.' WHERE id = %s", number)
        made[number] += 1

    with all_the_while(update, pause_s=0.05):
        yield


@pytest.mark.slow
def test_a_change_that_is_read_again_under_a_raised_revision_is_the_same_entry(raised: Stack) -> None:
    made: Counter[int] = Counter()
    with updated_all_the_while(raised, made):
        wait_until(lambda: updates(raised).total() > 2 * ROWS, timeout_s=PATIENCE_S, what="entries are written")
        # The query that is replaced has not committed: the next one reads all of these changes again.
        apply(raised, revision=2, returns="row(id=r.id, a=F.upper(r.a)).where(r.id > 0)")
        os.kill(raised.health("views").pid, signal.SIGKILL)
    raised.penstock("verify raised_history")
    assert updates(raised) == made

    supervisor, layout = Supervisor(Layout.of(raised.config)), Layout.of(raised.config)
    supervisor.stop_and_wait("views")
    shutil.rmtree(layout.row_views / topic_of("public.raised"))
    supervisor.start_process("views")
    raised.sql("DELETE FROM public.raised")
    raised.penstock("verify raised_history")
    wait_until(lambda: are_gone(raised), timeout_s=PATIENCE_S, what="the changes were read again, from the first one")
    assert updates(raised) == made


def are_gone(stack: Stack) -> bool:
    newest = stack.cql(f"SELECT id, op FROM {stack.config.names.keyspace}.raised_history PER PARTITION LIMIT 1")
    return {entry["op"] for entry in newest} == {"d"}


@pytest.mark.slow
def test_the_entries_of_a_renamed_table_are_behind_those_of_before(raised: Stack) -> None:
    for _ in range(3):
        raised.sql("UPDATE public.raised SET a = a || '.'")
    raised.penstock("verify raised_history")
    before = updates(raised)
    raised.sql("ALTER TABLE public.raised RENAME TO renamed")
    try:
        apply(raised, revision=2, returns="row(id=r.id, a=r.a)", table="renamed")
        raised.sql("UPDATE public.renamed SET a = 'last'")
        raised.penstock("verify raised_history")
    finally:
        raised.sql("ALTER TABLE public.renamed RENAME TO raised")
    newest = raised.cql(f"SELECT after FROM {raised.config.names.keyspace}.raised_history PER PARTITION LIMIT 1")
    assert {json.loads(entry["after"])["a"] for entry in newest} == {"last"}
    # None of before was written over.
    assert updates(raised) == before + Counter(range(ROWS + 1))
