"""The table is altered while rows flow: no row is lost, misread or doubled."""

from __future__ import annotations

import io
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest

from penstock.project.folders import Project
from tests.e2e.oracle import wait_until_exact
from tests.patience import PATIENCE_S
from tests.stack import Stack

ROUNDS_BETWEEN = 30
ALTERS = (
    "ADD COLUMN extra int",
    "ALTER COLUMN extra TYPE bigint",
    "RENAME COLUMN extra TO renamed",
    "ALTER COLUMN renamed TYPE text",
    "DROP COLUMN renamed",
    "ALTER COLUMN phone TYPE varchar",
    "ALTER COLUMN phone TYPE text",
)


class Writer(threading.Thread):
    """Inserts, moves and deletes users until it is asked to stop."""

    def __init__(self, dsn: str) -> None:
        super().__init__(daemon=True)
        self._dsn = dsn
        self._stop_asked = threading.Event()
        self.rounds = 0

    def run(self) -> None:
        with closing(psycopg2.connect(self._dsn)) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            while not self._stop_asked.is_set():
                cursor.execute(
                    "INSERT INTO public.users (id, username, email, first_name, last_name, registered, country)"
                    " SELECT gen_random_uuid(), 'altered', 'a@example.com', 'n' || n, 'Alter', '2021-01-01', 'Old'"
                    " FROM generate_series(1, 3) n"
                )
                cursor.execute(
                    "UPDATE public.users SET country = 'New' WHERE id ="
                    " (SELECT id FROM public.users WHERE country = 'Old' AND username = 'altered' LIMIT 1)"
                )
                cursor.execute(
                    "DELETE FROM public.users WHERE id ="
                    " (SELECT id FROM public.users WHERE country = 'New' AND username = 'altered' LIMIT 1)"
                )
                self.rounds += 1

    def wait_for(self, rounds: int) -> None:
        deadline, wanted = time.monotonic() + PATIENCE_S, self.rounds + rounds
        while self.rounds < wanted:
            assert self.is_alive(), "the writer failed"
            assert time.monotonic() < deadline, "the writer has stalled"
            time.sleep(0.02)

    def finish(self) -> None:
        self._stop_asked.set()
        self.join(30)


@pytest.fixture
def writer(stack: Stack) -> Iterator[Writer]:
    writer = Writer(stack.config.postgres.dsn)
    writer.start()
    yield writer
    writer.finish()
    stack.sql("DELETE FROM public.users WHERE username = 'altered'")
    # Reported, and no matter here: no view has a column that was rewritten with other values.
    stack.sql("DELETE FROM penstock.silent_changes")


def test_columns_come_change_and_go_while_rows_flow(stack: Stack, writer: Writer) -> None:
    for alter in ALTERS:
        writer.wait_for(ROUNDS_BETWEEN)
        stack.sql(f"ALTER TABLE public.users {alter}")
    writer.wait_for(ROUNDS_BETWEEN)
    writer.finish()
    wait_until_exact(stack)


def test_copy_and_many_rows_in_one_transaction(stack: Stack) -> None:
    identities = [str(uuid.uuid4()) for _ in range(1000)]
    rows = "".join(f"{identity}\tcopy@example.com\tCopy\tCopied\t2021-01-01\tCopied\n" for identity in identities)
    with closing(psycopg2.connect(stack.config.postgres.dsn)) as connection, connection, connection.cursor() as cursor:
        columns = "id, email, first_name, last_name, registered, country"
        cursor.copy_expert(f"COPY public.users ({columns}) FROM STDIN", io.StringIO(rows))
        cursor.execute("UPDATE public.users SET city = 'copied' WHERE country = 'Copied'")
    wait_until_exact(stack)
    stack.sql("DELETE FROM public.users WHERE country = 'Copied'")
    wait_until_exact(stack)


def test_a_key_in_another_order_leaves_no_row_behind(stack: Stack, project: Project) -> None:
    """Of several partitions, each row lies in another one from then on."""
    stack.sql("CREATE TABLE public.moving (a int, b int, n int, PRIMARY KEY (a, b))")
    stack.sql("INSERT INTO public.moving SELECT g, g + 1, 0 FROM generate_series(1, 100) g")
    stack.penstock("views new moving --name moving_by_key", "views apply")
    for _ in range(20):
        stack.sql("UPDATE public.moving SET n = n + 1 WHERE a <= 50")
    stack.sql("ALTER TABLE public.moving DROP CONSTRAINT moving_pkey, ADD PRIMARY KEY (b, a)")
    several = stack.config.kafka.partitions > 1
    applied = stack.penstock("views apply", check=False)
    assert ("public.moving: its primary key is another one" in applied.stderr) == several, applied.stderr
    if several:
        stack.penstock("views rebuild")
    stack.sql("UPDATE public.moving SET n = n + 1 WHERE a <= 70")
    stack.penstock("verify moving_by_key", "views apply")
    (project.views / "moving_by_key.py").unlink()
    stack.drop("moving_by_key")
    stack.sql("DROP TABLE public.moving")
