"""The roles of a secured stack's own Postgres: each login is let in, does its own work and not that of the others."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from penstock_views.snapshot.expected import expected_rows
from penstock_views.snapshot.held import hold_snapshot
from penstock_views.snapshot.ranges import read_parts
from penstock_views.stream.session import local_session

from penstock.config import Config, load_config
from penstock.local_spark import read_by_spark
from penstock.postgres.catalogue import read_live_table
from penstock.postgres.connection import RightMissing, connect
from penstock.postgres.own import Connection
from penstock.postgres.publication import publish, withdraw
from penstock.postgres.unfit import RowsHidden
from penstock.project.connector_lists import TABLES
from penstock.project.shapes import read_shape
from penstock.project.workspace import Workspace
from penstock.secured import LOADER, READER, REPLICATOR, Secrets
from penstock.setup.actions import create_tables
from penstock.setup.connectors import wanted_connectors
from penstock.setup.rights import give_reading_rights
from penstock.stack.make_secrets import make_secrets, write_clients_files
from penstock.verify.canonical import canonical_key
from penstock.verify.postgres_rows import PostgresRows
from penstock.views.check import check
from penstock.views.lane import TableUnread, refuse_unread
from penstock.views.make import Fate, new_views
from penstock.views.stale_rows import stale_rows
from penstock.wait import wait_until
from tests.integration.servers import started, written
from tests.integration.source_alone import SourceAlone
from tests.integration.test_doctor_postgres import ROLES, refusal
from tests.integration.test_two_sources import TABLE, run
from tests.integration.their_postgres import INSERT
from tests.patience import PATIENCE_S
from tests.project import copy_project

SECRET_OF = {"penstock_replicator": REPLICATOR, "penstock_loader": LOADER, "penstock_reader": READER}
PARTED = """
CREATE TABLE public.parted (id text PRIMARY KEY, name text) PARTITION BY RANGE (id);
CREATE TABLE public.parted_all PARTITION OF public.parted FOR VALUES FROM (MINVALUE) TO (MAXVALUE);
INSERT INTO public.parted VALUES ('1', 'one');
ALTER TABLE public.parted ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.parted_all ENABLE ROW LEVEL SECURITY;
"""


def secured_by_an_earlier_version(folder: Path) -> Path:
    """Write the configuration of a stack whose secrets lack those of the single duties; return its file."""
    file = written(folder, "postgres", more=f'project = "{copy_project(folder)}"\n[sources.billing]')
    make_secrets(load_config(file))
    return file


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """Set up a stack as it was before, with one role for all, and then once more as a start does now."""
    file = secured_by_an_earlier_version(tmp_path_factory.mktemp("secured"))
    before = load_config(file)
    with started(before, "postgres"):
        create_tables(Workspace(before))
        assert login(before.reading) == login(before.replicating) == login(before) == "postgres"
        run(before, INSERT)
        write_clients_files(before)
        config = load_config(file)
        create_tables(Workspace(config))
        run(config, "CREATE DATABASE billing")
        run(config, PARTED)
        run(config.of_source("billing"), TABLE.format(column="there"))
        made = new_views(Workspace(config), ["parted", "billing:public.invoices"])
        assert [each.fate for each in made.outcomes] == [Fate.MADE, Fate.MADE]
        create_tables(Workspace(config))
        create_tables(Workspace(config))
        yield config


def login(config: Config) -> str:
    with connect(config) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_user::text FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl")
        ((user,),) = cursor.fetchall()
    return str(user)


@pytest.mark.parametrize("source", ["", "billing"])
def test_each_duty_has_its_role_in_each_database(config: Config, source: str) -> None:
    own = config.of_source(source)
    assert login(own.reading) == "penstock_reader"
    assert login(own.replicating) == "penstock_replicator"
    assert login(own) == "postgres"


@pytest.mark.parametrize("role", SECRET_OF)
def test_a_role_does_its_own_work_and_not_that_of_others(config: Config, role: str) -> None:
    may, may_not = ROLES[role]
    login = {"user": role, "password_file": Secrets.of(config).password_file(SECRET_OF[role])}
    dsn = config.postgres.model_copy(update=login).dsn
    assert [(statement, why) for statement in may if (why := refusal(dsn, statement))] == []
    assert [statement for statement in may_not if refusal(dsn, statement) != "InsufficientPrivilege"] == []


@pytest.mark.parametrize(
    ("role", "refused"), [("reading", ["INSERT", "UPDATE", "DELETE"]), ("replicating", ["UPDATE"])]
)
def test_so_it_is_in_a_further_database(config: Config, role: str, refused: list[str]) -> None:
    dsn = getattr(config.of_source("billing"), role).database.dsn
    of_invoices = {
        "INSERT": "INSERT INTO invoices VALUES ('1', '')",
        "UPDATE": "UPDATE invoices SET there = ''",
        "DELETE": "DELETE FROM invoices",
    }
    assert refusal(dsn, "SELECT * FROM invoices") == ""
    assert refusal(dsn, "SELECT * FROM penstock_billing.known_tables") == ""
    for statement in (*(of_invoices[each] for each in refused), "UPDATE penstock_billing.installation SET epoch = 7"):
        assert refusal(dsn, statement) == "InsufficientPrivilege", statement


def test_the_reader_fills_and_compares_the_rows_that_row_level_security_hides_from_others(config: Config) -> None:
    (view,) = (view for view in Workspace(config).views if view.table == "public.parted")
    source = read_by_spark(config)
    assert source.user == "penstock_reader"
    with hold_snapshot(source, table=view.table) as held:
        assert None not in held.straddlers()
        rows = expected_rows(local_session(), view, source).rows.collect()
    assert [(row["id"], row["name"]) for row in rows] == [("1", "one")]
    with connect(config.reading) as connection, connection.cursor() as cursor:
        assert [part.source for part in read_parts(cursor, view.table)] == ["ONLY public.parted_all"]


@pytest.fixture
def blind(config: Config, request: pytest.FixtureRequest) -> Iterator[str]:
    """Take from a role what lets it see rows that a policy hides."""
    run(config, f"ALTER ROLE {request.param} NOBYPASSRLS")
    yield request.param
    run(config, f"ALTER ROLE {request.param} BYPASSRLS")


@pytest.mark.parametrize("blind", ["penstock_reader"], indirect=True)
def test_rows_that_are_hidden_from_the_reader_do_not_count_as_gone(config: Config, blind: str) -> None:
    """And neither a fill nor a comparison of another table has anything to do with it."""
    workspace, spark = Workspace(config), local_session()
    (view,) = (view for view in workspace.views if view.table == "public.parted")
    shape = read_shape(workspace.project, view.name)
    says = f"row level security hides rows of public.parted from role {blind}.*; ALTER ROLE {blind} BYPASSRLS;"
    row = {name: "1" for name in shape.columns}
    with pytest.raises(RowsHidden, match=says):
        stale_rows(workspace, spark, shape, {canonical_key(row, shape.key): row})
    with pytest.raises(TableUnread, match=says) as unread:
        refuse_unread(config, ["public.users", "public.parted"], config.reading)
    assert unread.value.of == "public.parted"
    problems = {(each.view, each.is_of_table, each.cure) for each in check(workspace).wrong}
    assert problems == {(view.name, True, f"ALTER ROLE {blind} BYPASSRLS;")}
    with pytest.raises(Exception, match='affected by row-level security policy for table "parted"'):
        expected_rows(spark, view, read_by_spark(config)).rows.collect()
    with pytest.raises(RightMissing), connect(config.reading) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM public.parted")
    (other,) = (view for view in workspace.views if view.name == "users_by_country")
    rows = PostgresRows(spark, workspace=workspace).scan(read_shape(workspace.project, other.name))
    assert [row["first_name"] for row in rows] == ["Ann"]


@pytest.mark.parametrize("blind", ["penstock_replicator"], indirect=True)
def test_a_table_that_is_hidden_from_the_source_alone_is_not_published(config: Config, blind: str) -> None:
    """The source would take no snapshot of any table."""
    with connect(config) as connection:
        withdraw(connection, "public.parted")
        (said,) = publish(connection, ["public.parted", "public.users"])
        assert said.startswith(f"left out: row level security hides rows of public.parted from role {blind}")
        run(config, f"ALTER ROLE {blind} BYPASSRLS")
        assert publish(connection, ["public.parted"]) == ["public.parted published"]


def test_the_check_needs_no_right_to_a_table_that_no_view_follows_yet(config: Config) -> None:
    run(config, "CREATE SCHEMA later; CREATE TABLE later.orders (id int PRIMARY KEY)")
    with connect(config.reading) as connection:
        assert read_live_table(connection, "later.orders").table.primary_key == ("id",)
    assert refusal(config.reading.database.dsn, "SELECT * FROM later.orders") == "InsufficientPrivilege"
    checked = check(Workspace(config).reading)
    assert checked.wrong == ()
    assert {"Postgres", "billing"} <= {*checked.looked_at}


def is_waiting(connection: Connection) -> bool:
    """Tell whether a grant waits for somebody who alters its table."""
    waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'GRANT SELECT ON public.inv%'"
    with connection, connection.cursor() as cursor:
        cursor.execute(waits)
        return cursor.rowcount > 0


def test_a_right_that_lacks_is_given_once_nobody_alters_the_table(config: Config) -> None:
    billing, read = config.of_source("billing"), "SELECT * FROM invoices"
    run(billing, "REVOKE SELECT ON invoices FROM penstock_reader")
    assert refusal(billing.reading.database.dsn, read) == "InsufficientPrivilege"
    give = partial(give_reading_rights, billing, tables=["public.invoices"])
    with ThreadPoolExecutor(1) as helper, connect(billing) as other, connect(billing) as looks:
        other.cursor().execute("ALTER TABLE invoices SET (fillfactor = 90)")
        given = helper.submit(give)
        wait_until(lambda: is_waiting(looks), timeout_s=PATIENCE_S, what="it waits")
        other.commit()
        given.result(PATIENCE_S)
        assert refusal(billing.reading.database.dsn, read) == ""
        other.cursor().execute("ALTER TABLE invoices RESET (fillfactor)")
        give()  # nothing lacks: it waits for nobody
        other.rollback()


@pytest.mark.slow
@pytest.mark.parametrize("source", ["", "billing"])
def test_the_connector_reads_as_the_replicator(config: Config, source: str, tmp_path: Path) -> None:
    own = config.of_source(source).replicating
    (connector,) = wanted_connectors(Workspace(config), names=[own.names.source_connector])
    secret = Secrets.of(config).password(REPLICATOR)
    assert secret not in str(connector.config)
    table = "invoices" if source else "parted"
    run(config.of_source(source), f"INSERT INTO {table} VALUES ('2', 'was there')")
    more = {"changes.whole": "true", "signal.data.collection": own.names.signals}
    alone = SourceAlone(own, tmp_path, table=connector.config[TABLES], connector=connector, more=more)
    wait_until(
        lambda: reader_of(config, own.names.slot) == "penstock_replicator", timeout_s=PATIENCE_S, what="it reads"
    )
    run(config.of_source(source), f"INSERT INTO {table} VALUES ('5', 'changed')")
    run(config.of_source(source), f"INSERT INTO {table} VALUES ('end')")
    records = alone.records()
    for kind, name in (("op=r", "was there"), ("op=c", "changed")):
        assert any(kind in record and name in record for record in records)


def reader_of(config: Config, slot: str) -> str:
    """Return the role that reads from a slot; none while nobody does."""
    reads = "SELECT usename FROM pg_stat_activity JOIN pg_replication_slots ON pid = active_pid WHERE slot_name = %s"
    with connect(config) as connection, connection.cursor() as cursor:
        cursor.execute(reads, (slot,))
        return "".join(role for (role,) in cursor.fetchall())
