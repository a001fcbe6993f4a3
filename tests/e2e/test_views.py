"""The tutorial of docs/views.md, command by command, on the real stack, with rows written while the view is filled."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg2
import pytest
from confluent_kafka import Consumer, TopicPartition

from penstock.clone import ROOT
from penstock.project.folders import Project
from tests.e2e import oracle as users
from tests.patience import PATIENCE_S
from tests.stack import Stack

EXPECTED = """
SELECT customer, id, total::text, round(total * 1.23, 2)::text, (floor(extract(epoch FROM placed) * 1000))::bigint
FROM public.orders WHERE paid
"""
ACTUAL = "SELECT customer, id, total, with_tax, toUnixTimestamp(placed) AS placed FROM penstock.orders_by_customer"


def sections() -> dict[str, str]:
    """Return the shell commands of the page, by the number of their section."""
    text = (ROOT / "docs" / "views.md").read_text()
    parts = re.split(r"^## (\d)\.", text, flags=re.MULTILINE)[1:]
    blocks = {
        number: "\n".join(re.findall(r"^```sh\n(.*?)^```", body, re.MULTILINE | re.DOTALL))
        for number, body in zip(parts[::2], parts[1::2], strict=True)
    }
    return {number: commands for number, commands in blocks.items() if commands}


class Writer(threading.Thread):
    """Inserts, updates and deletes orders, a few each time, until it is stopped."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(daemon=True)
        self._connection = psycopg2.connect(stack.config.postgres.dsn)
        self._connection.autocommit = True
        self._stop_asked = threading.Event()
        self.rounds = 0

    def run(self) -> None:
        with self._connection.cursor() as cursor:
            while not self._stop_asked.wait(0.05):
                first = 1_000_000 + self.rounds * 3
                cursor.execute(
                    "INSERT INTO public.orders (id, customer, total, paid) "
                    "SELECT n, 'customer ' || n %% 50, 7.5, n %% 3 > 0 FROM generate_series(%s, %s) n",
                    (first, first + 2),
                )
                cursor.execute("UPDATE public.orders SET paid = NOT paid WHERE id %% 977 = %s", (self.rounds % 977,))
                cursor.execute("UPDATE public.orders SET customer = 'mover' WHERE id = %s", (self.rounds % 5000,))
                cursor.execute("DELETE FROM public.orders WHERE id = %s", (self.rounds % 5000 + 100,))
                self.rounds += 1

    def finish(self) -> None:
        self._stop_asked.set()
        self.join(30)
        self._connection.close()


@pytest.fixture
def writer(stack: Stack) -> Iterator[Writer]:
    writer = Writer(stack)
    yield writer
    writer.finish()


def run(stack: Stack, project: Project, commands: str) -> str:
    """Run commands of the page; its file names are of the project."""
    return stack.run("set -e\n" + commands.replace("spark/views", str(project.views))).stdout


Rows = set[tuple[Any, ...]]


def differences(stack: Stack) -> tuple[Rows, Rows]:
    expected: Rows = set(stack.sql(EXPECTED))
    actual: Rows = {
        (row["customer"], row["id"], str(row["total"]), str(row["with_tax"]), row["placed"])
        for row in stack.cql(ACTUAL)
    }
    return expected - actual, actual - expected


def wait_until_exact(stack: Stack) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        missing, extra = differences(stack)
        if not missing and not extra:
            return
        assert time.monotonic() < deadline, f"missing {sorted(missing)[:5]}, extra {sorted(extra)[:5]}"
        time.sleep(0.5)


def alter_what_the_view_uses(stack: Stack, project: Project) -> None:
    """Rename a column and change a type under the view: it is stopped and says why, and a new revision cures it."""
    stack.sql("ALTER TABLE public.orders RENAME COLUMN total TO amount")
    stack.sql("UPDATE public.orders SET paid = NOT paid WHERE id = 7")
    wait_for_reason(stack, "view orders_by_customer cannot compute: total: the column was dropped or renamed")
    users.wait_until_exact(stack)
    stack.sql("ALTER TABLE public.orders RENAME COLUMN amount TO total")
    stack.sql("ALTER TABLE public.orders ALTER COLUMN total TYPE numeric(12, 2)")
    stack.sql("DELETE FROM public.orders WHERE id = 9")
    wait_for_reason(stack, "view orders_by_customer is stopped, public.orders was altered")
    stack.sql("UPDATE public.users SET city = 'Unaltered' WHERE id = (SELECT min(id::text)::uuid FROM public.users)")
    users.wait_until_exact(stack)
    checked = stack.penstock("views check", check=False)
    assert checked.returncode == 1
    assert "views.orders_by_customer-value.avsc: field total is" in checked.stdout
    applied = stack.penstock("views apply", check=False)
    assert applied.returncode == 1
    assert "left out, all others were applied:" in applied.stderr
    assert "views.orders_by_customer-value.avsc: field total is" in applied.stderr
    stack.sql("ALTER TABLE public.orders ADD COLUMN note text")
    file = project.views / "orders_by_customer.py"
    file.write_text(
        file.read_text().replace('"id"])', '"id"], revision=2)').replace("id=o.id,", "id=o.id, note=o.note,")
    )
    stack.penstock("views write", "views apply")
    wait_until_exact(stack)
    # Now the table has the columns that it had before that revision, and its records their schema but for a mark.
    stack.sql("ALTER TABLE public.orders DROP COLUMN note")
    stack.sql("UPDATE public.orders SET paid = NOT paid WHERE id = 7")
    wait_for_reason(stack, "view orders_by_customer cannot compute: note")
    users.wait_until_exact(stack)


def wait_for_reason(stack: Stack, reason: str) -> None:
    """Wait for a dead letter of the views' job whose reason begins like that."""
    consumer = Consumer({"bootstrap.servers": stack.config.kafka.bootstrap, "group.id": "tests"})
    consumer.assign([TopicPartition("dead-letters.views", 0, 0)])
    deadline = time.monotonic() + PATIENCE_S
    with closing(consumer):
        while time.monotonic() < deadline:
            message: Any = consumer.poll(1)
            if message is not None and not message.error():
                headers = dict(message.headers() or [])
                if headers["__connect.errors.exception.message"].decode().startswith(reason):
                    return
    pytest.fail(f"no dead letter says: {reason}")


def test_the_tutorial_from_a_table_to_a_live_view_and_back(stack: Stack, project: Project, writer: Writer) -> None:
    before = {file: file.read_text() for file in project.root.rglob("*.*") if file.suffix in {".json", ".avsc", ".cql"}}
    pages = sections()
    for number in ("1", "2", "3"):
        run(stack, project, pages[number])
    writer.start()
    said = run(stack, project, pages["4"])
    assert writer.rounds > 0
    writer.finish()
    assert "orders_by_customer filled" in said
    wait_until_exact(stack)
    assert len(stack.sql(EXPECTED)) > 1000
    stack.cql(
        "INSERT INTO penstock.orders_by_customer (customer, id, row_version) VALUES ('ghost', 1, 1) USING TIMESTAMP 1"
    )
    stack.penstock("views repair orders_by_customer")
    wait_until_exact(stack)
    alter_what_the_view_uses(stack, project)
    run(stack, project, pages["6"])
    after = {file: file.read_text() for file in project.root.rglob("*.*") if file.suffix in {".json", ".avsc", ".cql"}}
    assert after == before
    assert not stack.cql(
        "SELECT * FROM system_schema.tables WHERE keyspace_name = 'penstock' AND table_name = 'orders_by_customer'"
    )


def test_a_view_of_a_table_that_went_and_came_back_begins_without_the_rows_of_before(
    stack: Stack, project: Project
) -> None:
    for first in (1, 1001):
        stack.sql("CREATE TABLE public.comes_back (id int PRIMARY KEY)")
        stack.penstock("views new comes_back --name comes_back_by_id", "views apply")
        inserted = "INSERT INTO public.comes_back SELECT generate_series(%s, %s) RETURNING id"
        there = {number for (number,) in stack.sql(inserted, first, first + 99)}
        stack.penstock("verify comes_back_by_id")
        assert {row["id"] for row in stack.cql("SELECT id FROM penstock.comes_back_by_id")} == there
        (project.views / "comes_back_by_id.py").unlink()
        stack.drop("comes_back_by_id")
        stack.sql("DROP TABLE public.comes_back")


def test_a_changed_function_without_a_new_revision_is_refused(stack: Stack, project: Project) -> None:
    file = project.views / "users.py"
    text = file.read_text()
    try:
        file.write_text(text.replace("city=u.city,", "city=u.city.substr(1, 3),"))
        checked = stack.penstock("views check", check=False)
        assert checked.returncode == 1
        assert "views.users_by_country-value.avsc: the function computes something else" in checked.stdout
        written = stack.penstock("views write", check=False)
        assert written.returncode == 1
        assert re.search(r"users\.py:\d+: view users_by_country: .*raise revision=", written.stderr)
    finally:
        file.write_text(text)
