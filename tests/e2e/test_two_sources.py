"""Two source databases feed views: tables of one name in both, each with views of its own, and neither waits."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from penstock.config import load_config
from penstock.connect.api import ConnectApi, State
from penstock.connect.place import ask
from penstock.project.folders import Project
from penstock.topics.admin import TopicAdmin
from penstock.wait import wait_until
from tests.patience import PATIENCE_S
from tests.stack import Stack, all_the_while

pytestmark = pytest.mark.slow

SOURCE = "billing"
SLOT = "penstock_billing"
TABLE = """
CREATE TABLE public.invoices (id int PRIMARY KEY, customer text NOT NULL, amount numeric(10, 2));
INSERT INTO public.invoices SELECT n, '{name} ' || n % 7, n * 1.25 FROM generate_series(1, {rows}) n;
"""
FILE = '''"""Views of a table in each of two databases."""

from penstock_views import Image, Row, Totals, aggregate, count, history, row, sum, totals, view, whole


@view("public.invoices", key=["id"])
def invoices(r: Image) -> Row:
    """Hold one row per invoice of the first database."""
    return row(id=r.id, customer=r.customer, amount=r.amount)


@view("public.invoices", key=["customer", "id"], source="billing")
def billed(r: Image) -> Row:
    """List the invoices of a customer in the other one."""
    return row(customer=r.customer, id=r.id, amount=r.amount)


@history("public.invoices", key=["id"], source="billing")
def billed_history(r: Image) -> Row:
    """Keep every change there."""
    return whole(r)


@aggregate("public.invoices", key=["customer"], source="billing")
def billed_totals(r: Image) -> Totals:
    """Add up what a customer owes there."""
    return totals(customer=r.customer, invoices=count(), amount=sum(r.amount))
'''
VIEWS = ("invoices", "billed", "billed_history", "billed_totals")
INVOICES = "SELECT id, customer, amount::text FROM public.invoices"
TOTALS = "SELECT customer, count(*), sum(amount)::text FROM public.invoices GROUP BY customer"


class Sources:
    """The stack with a second source database on its server."""

    def __init__(self, stack: Stack, file: Path) -> None:
        environment = {**stack.environment, "PENSTOCK_CONFIG": str(file)}
        self.stack = replace(stack, config=load_config(file), environment=environment)
        self.config = self.stack.config
        self.billing = self.config.of_source(SOURCE)

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement in the second database."""
        connection = psycopg2.connect(self.billing.database.dsn)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def server(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement outside of a transaction, in the first database."""
        connection = psycopg2.connect(self.config.postgres.dsn)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def differences(self, *views: str) -> list[str]:
        """Compare by plain SQL and CQL."""
        expected = {
            "invoices": (self.stack.sql, INVOICES, "id, customer, amount"),
            "billed": (self.sql, INVOICES, "id, customer, amount"),
            "billed_totals": (self.sql, TOTALS, "customer, invoices, amount"),
        }
        chosen = [(view, *expected[view]) for view in views or expected]
        return [
            f"{view}: {row}"
            for view, ask_sql, statement, columns in chosen
            for row in {*ask_sql(statement)} ^ self.rows(view, columns)
        ]

    def rows(self, view: str, columns: str) -> set[tuple[Any, ...]]:
        """Read a view, decimals as text."""
        found = self.stack.cql(f"SELECT {columns} FROM penstock.{view}")
        return {(*tuple(row.values())[:-1], str(tuple(row.values())[-1])) for row in found}

    def wait_until_exact(self, *views: str) -> None:
        """Wait until the views hold what their tables do."""
        what = "the views hold what their tables do"
        wait_until(lambda: not self.differences(*views), timeout_s=PATIENCE_S, what=what)


def written(stack: Stack) -> str:
    """Write the configuration of the stack with one more source."""
    return Path(stack.environment["PENSTOCK_CONFIG"]).read_text() + f"\n[sources.{SOURCE}]\n"


@pytest.fixture(scope="module")
def sources(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sources]:
    with second_source(stack, tmp_path_factory.mktemp("e2e-sources")) as sources:
        yield sources


@contextmanager
def second_source(stack: Stack, folder: Path) -> Iterator[Sources]:
    """Add a database to the stack, with views of its table and of that of the first one; remove it at the end."""
    file = folder / "penstock.toml"
    file.write_text(written(stack))
    sources = Sources(stack, file)
    sources.server(f"CREATE DATABASE {SOURCE}")
    sources.stack.sql(TABLE.format(name="first", rows=300))
    sources.sql(TABLE.format(name="second", rows=500))
    views = Project.of(stack.config).views / "invoices.py"
    views.write_text(FILE)
    sources.stack.penstock("views write", "views check", "views apply")
    yield sources
    views.unlink()
    sources.stack.drop(*(name for name in VIEWS if Project.of(stack.config).table_file(name).exists()))
    remove(sources)
    stack.penstock("views apply")


def remove(sources: Sources) -> None:
    """Remove the source, as docs/views.md says."""
    names = sources.billing.names
    with ConnectApi(sources.config.connect.url) as api:
        stop(api, names.source_connector)
        ask(lambda: api.delete_offsets(names.source_connector), what="the offsets are deleted")
        api.delete(names.source_connector)
    drop_slot(sources)
    Project.of(sources.billing).source_file.unlink()
    sources.server(f"DROP DATABASE {SOURCE} WITH (FORCE)")
    sources.stack.sql("DROP TABLE public.invoices")
    admin = TopicAdmin(sources.config.kafka.bootstrap)
    admin.delete([name for name in admin.topics() if names.topic_prefix in name])


def stop(api: ConnectApi, name: str) -> None:
    api.stop(name)

    def is_stopped() -> bool:
        return api.status(name).connector.state == State.STOPPED

    wait_until(is_stopped, timeout_s=PATIENCE_S, what=f"{name} is stopped")


def drop_slot(sources: Sources) -> None:
    """Lose the slot of the second source."""
    active = f"SELECT 1 FROM pg_replication_slots WHERE slot_name = '{SLOT}' AND active"
    wait_until(lambda: not sources.server(active), timeout_s=PATIENCE_S, what="Postgres has let go of the slot")
    sources.server(f"SELECT pg_drop_replication_slot('{SLOT}')")


@contextmanager
def changed_all_the_while(sources: Sources) -> Iterator[None]:
    """Insert, update, delete and move rows of both tables without a pause."""
    chance, numbers = random.Random(31), count(10_000)  # noqa: S311 - no secret

    def change() -> None:
        one, other, new = chance.randrange(1, 500), chance.randrange(1, 500), next(numbers)
        for sql in (sources.stack.sql, sources.sql):
            sql(f"UPDATE public.invoices SET amount = amount + 1, customer = 'moved {new % 5}' WHERE id = {one}")
            sql(f"DELETE FROM public.invoices WHERE id = {other}")
            sql(f"INSERT INTO public.invoices VALUES ({new}, 'new', 1)")

    with all_the_while(change):
        yield


def test_each_view_holds_the_table_of_its_own_database(sources: Sources) -> None:
    sources.wait_until_exact()
    names = sources.billing.names
    with ConnectApi(sources.config.connect.url) as api:
        assert {"users-postgres-source", "billing-postgres-source"} <= {*api.connectors()}
    topics = TopicAdmin(sources.config.kafka.bootstrap).topics()
    assert {"app.public.invoices", "app-billing.public.invoices", names.heartbeat_topic} <= {*topics}
    assert sources.sql("SELECT count(*) FROM penstock_billing.view_fills") == [(3,)]
    filled = {name for (name,) in sources.stack.sql("SELECT view FROM penstock.view_fills")}
    assert "invoices" in filled
    assert not {"billed", "billed_history", "billed_totals"} & filled


def test_changes_of_either_reach_its_own_views(sources: Sources) -> None:
    sources.sql("UPDATE public.invoices SET customer = 'second', amount = 7 WHERE id <= 50")
    sources.sql("DELETE FROM public.invoices WHERE id BETWEEN 100 AND 120")
    sources.sql("UPDATE public.invoices SET id = id + 5000 WHERE id BETWEEN 130 AND 140")
    sources.stack.sql("DELETE FROM public.invoices WHERE id > 200")
    sources.stack.sql("UPDATE public.invoices SET id = id + 7000 WHERE id BETWEEN 1 AND 5")
    sources.wait_until_exact()
    assert len(sources.stack.cql("SELECT version FROM penstock.billed_history WHERE id = 1")) == 2
    stack = sources.stack
    stack.penstock("verify invoices billed billed_history billed_totals")
    said = stack.penstock("status", check=False).stdout
    assert f"slot {SLOT}" in said
    assert "slot penstock " in said
    counted = stack.penstock(f'psql --source {SOURCE} -t -c "SELECT current_database()"').stdout
    assert counted.strip() == SOURCE


def test_a_view_of_one_is_rebuilt_while_both_change(sources: Sources) -> None:
    with changed_all_the_while(sources):
        sources.stack.penstock("views rebuild billed")
    sources.wait_until_exact()


def test_one_flows_while_the_database_of_the_other_lets_nobody_in(sources: Sources) -> None:
    stack = sources.stack
    sources.server(f"ALTER DATABASE {SOURCE} ALLOW_CONNECTIONS false")
    try:
        sources.server(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{SOURCE}'")
        stack.sql("INSERT INTO public.invoices VALUES (900, 'meanwhile', 9)")
        sources.wait_until_exact("invoices")
        applied = stack.penstock("views apply", check=False)
        assert applied.returncode == 1
        assert f"source {SOURCE} is away, and its views wait" in applied.stdout
        compared = json.loads(stack.penstock("verify invoices billed --json", check=False).stdout)
        assert {each["view"]: each["equal"] for each in compared} == {"invoices": True, "billed": False}
    finally:
        sources.server(f"ALTER DATABASE {SOURCE} ALLOW_CONNECTIONS true")
    sources.sql("INSERT INTO public.invoices VALUES (901, 'afterwards', 9)")
    sources.wait_until_exact()


def test_a_lost_slot_of_one_is_mended_and_the_other_keeps_its_epoch(sources: Sources) -> None:
    stack, epoch = sources.stack, "SELECT epoch FROM penstock.installation"
    before = stack.sql(epoch)
    with ConnectApi(sources.config.connect.url) as api:
        stop(api, sources.billing.names.source_connector)
    drop_slot(sources)
    sources.sql("DELETE FROM public.invoices WHERE id % 10 = 0")
    stack.sql("UPDATE public.invoices SET amount = 3 WHERE id = 10")
    sources.wait_until_exact("invoices")
    stack.penstock(f"views rebuild --source {SOURCE}")
    sources.wait_until_exact()
    assert stack.sql(epoch) == before
    stack.penstock("verify invoices billed billed_history billed_totals")


def test_dropped_views_leave_the_table_of_the_other_database(sources: Sources) -> None:
    """The last test of this file: its views are gone after it."""
    file = Project.of(sources.config).views / "invoices.py"
    file.write_text(FILE.split('\n\n@view("public.invoices", key=["customer"')[0])
    sources.stack.drop("billed", "billed_history", "billed_totals")
    published = "SELECT tablename FROM pg_publication_tables WHERE pubname = '{}'"
    assert sources.sql(published.format(SLOT)) == [("signals",)]
    assert ("invoices",) in sources.stack.sql(published.format("penstock"))
    sources.stack.sql("INSERT INTO public.invoices VALUES (902, 'last', 2)")
    sources.wait_until_exact("invoices")
