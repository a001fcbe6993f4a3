"""Two source databases of one server: what is set up, noted, asked and checked in each of them alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.config import Config, load_config
from penstock.console.look.postgres import SourcesCollector
from penstock.pipeline.followed import paused_views
from penstock.pipeline.identities import identities_of
from penstock.postgres.connection import connect
from penstock.postgres.published import published_tables
from penstock.postgres.record import note_paused
from penstock.postgres.silent import note_changes, silent_changes
from penstock.postgres.slot import read_own_slot
from penstock.project.connector_lists import TABLES
from penstock.project.connectors import declared_connectors
from penstock.project.folders import sources_of
from penstock.project.workspace import Workspace
from penstock.setup.actions import create_tables
from penstock.setup.connectors import wanted_connectors
from penstock.views.check import check
from penstock.views.make import Fate, new_views
from penstock.views.write import write_derived
from penstock.wait import wait_until
from tests.integration.servers import started, written
from tests.integration.source_alone import SourceAlone
from tests.patience import PATIENCE_S
from tests.project import copy_project

TABLE = "CREATE TABLE public.invoices (id text PRIMARY KEY, {column} text)"
CHANGED = "the table was cut"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """Run a server with two databases, each with a table of the same name, and make a view of either."""
    folder = tmp_path_factory.mktemp("two-sources")
    more = f'project = "{copy_project(folder)}"\n[sources.billing]'
    config = load_config(written(folder, "postgres", more=more))
    with started(config, "postgres"):
        create_tables(Workspace(config))
        run(config, "CREATE DATABASE billing")
        run(config, TABLE.format(column="here"))
        run(config.of_source("billing"), TABLE.format(column="there"))
        made = new_views(Workspace(config), ["invoices", "billing:public.inv*"])
        assert [(each.table, each.fate, each.view) for each in made.outcomes] == [
            ("public.invoices", Fate.MADE, "invoices"),
            ("billing:public.invoices", Fate.MADE, "billing_invoices"),
        ]
        create_tables(Workspace(config))
        yield config


def run(config: Config, statement: str) -> None:
    with connect(config) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)


def published(config: Config) -> frozenset[str]:
    with connect(config) as connection:
        return published_tables(connection)


def test_each_has_its_publication_and_its_identities(config: Config) -> None:
    assert published(config) == {"public.invoices", "public.users", "penstock.signals"}
    assert published(config.of_source("billing")) == {"public.invoices", "penstock_billing.signals"}
    first, billing = (identities_of(each)["public.invoices"] for each in Workspace(config).sources)
    assert first.database != billing.database
    assert not first.is_of(billing.source)


def test_the_table_of_the_loader_is_in_the_first_alone(config: Config) -> None:
    with connect(config.of_source("billing")) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('public.users') IS NULL, to_regnamespace('loader') IS NULL")
        assert cursor.fetchone() == (True, True)


def test_what_changed_in_one_says_nothing_of_the_other(config: Config) -> None:
    billing = config.of_source("billing")
    with connect(billing) as connection:
        note_changes(connection, ["public.invoices"], CHANGED)
        assert [change.what for change in silent_changes(connection, ["public.invoices"])] == [CHANGED]
    with connect(config) as connection:
        assert silent_changes(connection, ["public.invoices"]) == []
    problems = [each.what for each in check(Workspace(config)).problems if CHANGED in each.what]
    assert len(problems) == 1
    assert problems[0].startswith("view billing_invoices: ")


def test_each_view_has_the_columns_of_its_own_table_and_the_files_are_in_step(config: Config) -> None:
    checked = check(Workspace(config))
    assert {"Postgres", "billing"} <= {*checked.looked_at}
    columns = {each.view.name: [field["name"] for field in each.value.schema["fields"]] for each in checked.derived}
    assert (columns["invoices"], columns["billing_invoices"]) == (["id", "here"], ["id", "there"])
    assert write_derived(Workspace(config)) == []


def test_the_sink_leaves_out_a_view_that_either_has_paused(config: Config) -> None:
    with connect(config.of_source("billing")) as connection:
        note_paused(connection, ["billing_invoices"])
        assert paused_views(*sources_of(config)) == {"billing_invoices"}
        assert paused_views(config) == frozenset()
        (sink,) = wanted_connectors(Workspace(config), names=[config.names.sink])
        assert "views.invoices" in sink.config["topics"].split(",")
        assert "billing_invoices" not in str(sink.config)
        note_paused(connection, ["billing_invoices"], paused=False)


@pytest.mark.parametrize(("source", "column"), [pytest.param("", "here", marks=pytest.mark.slow), ("billing", "there")])
def test_the_connector_reads_its_own_database_into_its_own_topics(
    config: Config, source: str, column: str, tmp_path: Path
) -> None:
    """From the set-up to the topics: what Debezium makes of a change, as the connector is applied."""
    own = config.of_source(source)
    (connector,) = wanted_connectors(Workspace(config), names=[own.names.source_connector])
    for each in (config, config.of_source("billing")):
        run(each, "DELETE FROM invoices")
    run(own, f"INSERT INTO invoices VALUES ('there', 'read in {column}')")
    table, more = connector.config[TABLES], {"changes.whole": "true", "signal.data.collection": own.names.signals}
    alone = SourceAlone(own, tmp_path, table=table, connector=connector, more=more)
    wait_until(lambda: is_read(own), timeout_s=PATIENCE_S, what="the source reads its slot")
    run(own, f"UPDATE invoices SET {column} = 'changed in {column}'")
    run(own, "DELETE FROM invoices")
    run(own, "INSERT INTO invoices VALUES ('end')")
    records = alone.records()
    topics = {view.source: view.source_topic for view in Workspace(config).views if view.table == "public.invoices"}
    assert [
        kind for record in records for kind in KINDS if f"topic='{topics[source]}'" in record and kind in record
    ] == [*KINDS]
    assert any(f"read in {column}" in record for record in records)
    assert any(f"changed in {column}" in record for record in records)


KINDS = ("op=r", "op=u", "op=d", "op=c")


def is_read(config: Config) -> bool:
    with connect(config) as connection:
        slot = read_own_slot(connection)
    return slot is not None and slot.active


def test_a_source_that_is_away_keeps_the_other_from_nothing_that_is_its_own(config: Config) -> None:
    run(config, "ALTER DATABASE billing ALLOW_CONNECTIONS false")
    try:
        checked = check(Workspace(config))
    finally:
        run(config, "ALTER DATABASE billing ALLOW_CONNECTIONS true")
    assert "billing" not in checked.looked_at
    assert "invoices" in {each.view.name for each in checked.derived}


def test_each_connector_reads_its_own_database(config: Config) -> None:
    sources = {each.name: each.config for each in declared_connectors(config) if "postgres-source" in each.name}
    first, billing = sources["users-postgres-source"], sources["billing-postgres-source"]
    assert first["table.include.list"] == "public.users,public.invoices"
    assert billing["table.include.list"] == "public.invoices"
    assert billing["database.dbname"] == "billing"
    assert {key for key in first if first[key] != billing[key]} == {
        *("database.hostname", "database.port", "database.dbname", "table.include.list"),
        *("topic.prefix", "slot.name", "publication.name", "signal.data.collection", "notification.sink.topic.name"),
    }


def test_the_control_center_goes_on_without_a_further_source_and_sees_it_again(config: Config) -> None:
    collector = SourcesCollector(config)
    tables = {"public.invoices", "billing:public.invoices"}

    def is_seen(*, away: bool) -> bool:
        state = collector.collect()
        return tables <= {each.name for each in state.tables} and ("billing" in state.away) is away

    wait_until(lambda: is_seen(away=False), timeout_s=PATIENCE_S, what="both are seen")
    run(config, "ALTER DATABASE billing ALLOW_CONNECTIONS false")
    run(config, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'billing'")
    try:
        wait_until(lambda: is_seen(away=True), timeout_s=PATIENCE_S, what="it is away, and its tables are known")
    finally:
        run(config, "ALTER DATABASE billing ALLOW_CONNECTIONS true")
    wait_until(lambda: is_seen(away=False), timeout_s=PATIENCE_S, what="it is seen again")
