"""Every kind of change of a row in Postgres is in both views within two seconds, exactly."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg2
import pytest

from tests.e2e.oracle import wait_until_exact
from tests.patience import PATIENCE_S
from tests.stack import Stack

INSERT = """
INSERT INTO public.users (id, email, first_name, last_name, registered, country, latitude, timezone)
VALUES (%s, %s, 'Ada', 'Lovelace', '2020-02-29 12:00:00.123+00', %s, 51.5074, '{"offset": "+0:00"}')
"""


@pytest.fixture
def user(stack: Stack) -> Iterator[str]:
    """Insert a user of our own and remove it afterwards."""
    identity = str(uuid.uuid4())
    stack.sql(INSERT, identity, f"{identity}@example.com", "Atlantis")
    yield identity
    stack.sql("DELETE FROM public.users WHERE id = %s", identity)


def in_country(stack: Stack, country: str) -> list[str]:
    """Return the ids that the view holds for a country."""
    rows = stack.cql("SELECT id FROM penstock.users_by_country WHERE country = %s", country)
    return [str(row["id"]) for row in rows]


def by_id(stack: Stack, identity: str) -> dict[str, Any]:
    """Return the row that the view holds for an id."""
    (row,) = stack.cql("SELECT * FROM penstock.users_by_id WHERE id = %s", uuid.UUID(identity))
    return dict(row)


def test_an_update_of_a_value(stack: Stack, user: str) -> None:
    stack.sql("UPDATE public.users SET first_name = 'Augusta' WHERE id = %s", user)
    wait_until_exact(stack)
    assert by_id(stack, user)["first_name"] == "Augusta"


def test_a_user_who_moves_leaves_the_old_partition(stack: Stack, user: str) -> None:
    wait_until_exact(stack)
    stack.sql("UPDATE public.users SET country = 'Lemuria' WHERE id = %s", user)
    wait_until_exact(stack)
    assert in_country(stack, "Atlantis") == []
    assert in_country(stack, "Lemuria") == [user]


def test_a_changed_primary_key(stack: Stack, user: str) -> None:
    new = str(uuid.uuid4())
    stack.sql("UPDATE public.users SET id = %s WHERE id = %s", new, user)
    wait_until_exact(stack)
    assert in_country(stack, "Atlantis") == [new]
    stack.sql("DELETE FROM public.users WHERE id = %s", new)
    wait_until_exact(stack)


def test_a_value_set_to_null(stack: Stack, user: str) -> None:
    stack.sql("UPDATE public.users SET latitude = NULL, timezone = NULL WHERE id = %s", user)
    wait_until_exact(stack)
    assert by_id(stack, user)["latitude"] is None


def test_a_deleted_user(stack: Stack, user: str) -> None:
    wait_until_exact(stack)
    stack.sql("DELETE FROM public.users WHERE id = %s", user)
    wait_until_exact(stack)
    assert stack.cql("SELECT id FROM penstock.users_by_id WHERE id = %s", uuid.UUID(user)) == []
    assert in_country(stack, "Atlantis") == []


def test_insert_delete_insert_of_one_key_at_once(stack: Stack) -> None:
    identity = str(uuid.uuid4())
    with closing(psycopg2.connect(stack.config.postgres.dsn)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        for _ in range(20):
            cursor.execute(INSERT, (identity, "first@example.com", "Mu"))
            cursor.execute("DELETE FROM public.users WHERE id = %s", (identity,))
        cursor.execute(INSERT, (identity, "last@example.com", "Mu"))
    wait_until_exact(stack)
    assert by_id(stack, identity)["email"] == "last@example.com"
    stack.sql("DELETE FROM public.users WHERE id = %s", identity)


def test_two_updates_in_one_transaction(stack: Stack, user: str) -> None:
    # The larger value comes first: equal timestamps in Cassandra would keep it.
    stack.sql(
        """
        UPDATE public.users SET first_name = 'Zoe', country = 'Mu' WHERE id = %s;
        UPDATE public.users SET first_name = 'Abe', country = 'Atlantis' WHERE id = %s
        """,
        user,
        user,
    )
    wait_until_exact(stack)
    assert by_id(stack, user)["first_name"] == "Abe"
    assert in_country(stack, "Mu") == []


class Session:
    """One database session whose statements can wait for a lock while the test goes on."""

    def __init__(self, dsn: str) -> None:
        self._connection = psycopg2.connect(dsn)
        self._thread: threading.Thread | None = None
        self.error: psycopg2.Error | None = None
        self.pid = self._connection.info.backend_pid

    def run(self, statement: str, *arguments: Any) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement, arguments or None)

    def start(self, statement: str, *arguments: Any) -> None:
        def body() -> None:
            try:
                self.run(statement, *arguments)
            except psycopg2.Error as exc:
                self.error = exc

        self._thread = threading.Thread(target=body)
        self._thread.start()

    def finish(self) -> None:
        assert self._thread is not None
        self._thread.join(30)
        assert not self._thread.is_alive()

    def commit(self) -> None:
        self._connection.commit()

    def rollback(self) -> None:
        self._connection.rollback()

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def unique_email(stack: Stack) -> Iterator[None]:
    """Make emails unique in one country, with an index that Postgres checks before the primary key's."""
    stack.sql("CREATE UNIQUE INDEX race_email ON public.users (email) WHERE country = 'Race'")
    with closing(psycopg2.connect(stack.config.postgres.dsn)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        # The rebuilt index gets a higher OID, and indexes are checked in the order of OIDs.
        cursor.execute("REINDEX INDEX CONCURRENTLY public.users_pkey")
    yield
    stack.sql("DELETE FROM public.users WHERE country = 'Race'")
    stack.sql("DROP INDEX public.race_email")


def wait_until_blocked(stack: Stack, session: Session) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not stack.sql("SELECT 1 FROM pg_locks WHERE pid = %s AND NOT granted", session.pid):
        assert time.monotonic() < deadline, "the session is not blocked"
        time.sleep(0.02)


@pytest.mark.usefixtures("unique_email")
def test_the_three_session_race_in_which_the_delete_has_the_higher_lsn(stack: Stack) -> None:
    seven, three = str(uuid.uuid4()), str(uuid.uuid4())
    stack.sql(INSERT, seven, "old@example.com", "Race")
    sessions = [Session(stack.config.postgres.dsn) for _ in range(3)]
    one, two, holder = sessions
    try:
        holder.run(INSERT, three, "x@example.com", "Race")
        two.start(INSERT, seven, "x@example.com", "Race")
        wait_until_blocked(stack, two)
        one.run("DELETE FROM public.users WHERE id = %s", seven)
        one.commit()
        holder.rollback()
        two.finish()
        assert two.error is None
        two.commit()
    finally:
        for session in sessions:
            session.close()
    wait_until_exact(stack)
    assert by_id(stack, seven)["email"] == "x@example.com"
