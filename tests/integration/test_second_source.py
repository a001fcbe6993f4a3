"""The first leg of a second source database: set-up, connector, change records in the topics that its views read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import pytest

from penstock.config import Config, load_config
from penstock.connect.api import ConnectApi
from penstock.pipeline.fence import wait_until_captured
from penstock.project.workspace import Workspace
from penstock.registry.client import RegistryClient
from penstock.registry.decode import AvroDecoder
from penstock.setup import actions as setup
from penstock.setup.connectors import wanted_connectors
from penstock.topics.admin import TopicAdmin
from penstock.topics.tail import TopicReader
from penstock.views.make import Fate, new_views
from penstock.wait import wait_until
from tests.integration.servers import started, written
from tests.integration.test_two_sources import TABLE, run
from tests.patience import PATIENCE_S
from tests.project import copy_project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """Set up all but Spark, as `views new` and `views apply` do: a view of a table of the same name in either."""
    folder, behind = tmp_path_factory.mktemp("second-source"), ("registry", "cassandra", "connect")
    more = f'project = "{copy_project(folder)}"\n[sources.billing]'
    config = load_config(written(folder, "postgres", "kafka", *behind, more=more))
    with started(config, "postgres", "kafka"):
        setup.create_tables(Workspace(config))
        run(config, "CREATE DATABASE billing")
        for name, each in (("here", config), ("there", config.of_source("billing"))):
            run(each, TABLE.format(column=name))
            run(each, f"INSERT INTO invoices VALUES ('1', 'first {name}')")
        new_views(Workspace(config), ["invoices", "billing:public.invoices"])
        setup.create_tables(Workspace(config))
        setup.create_topics(Workspace(config))
        with started(config, *behind):
            setup.register_subjects(Workspace(config))
            setup.create_view_tables(Workspace(config))
            setup.apply_connectors(Workspace(config))
            yield config


def changes(config: Config, topic: str, count: int) -> list[tuple[str, str]]:
    """Return operation and text of so many records of a topic."""
    with RegistryClient(config.registry.url) as registry:
        reader = TopicReader(config.kafka.bootstrap, AvroDecoder(registry))
        found = [record.value.value for record in islice(reader.from_beginning(topic, follow=False), count)]
    return [(each["op"], (each["after"] or each["before"])[column_of(topic)]) for each in found]


def column_of(topic: str) -> str:
    return "there" if "billing" in topic else "here"


def topics(config: Config) -> dict[str, str]:
    """Return the topic from which the job reads each view's changes."""
    return {view.name: view.source_topic for view in Workspace(config).views}


def test_each_topic_has_the_rows_and_changes_of_its_own_database(config: Config) -> None:
    own = topics(config)
    for name, each in (("here", config), ("there", config.of_source("billing"))):
        run(each, f"INSERT INTO invoices VALUES ('2', 'second {name}')")
        run(each, f"UPDATE invoices SET {name} = 'changed {name}' WHERE id = '1'")
        run(each, "DELETE FROM invoices WHERE id = '2'")
        wait_until_captured(each, on_progress=print, stall_s=PATIENCE_S)
    for view, name in (("invoices", "here"), ("billing_invoices", "there")):
        assert changes(config, own[view], 9) == [
            ("r", f"first {name}"),
            ("c", f"second {name}"),
            ("u", f"changed {name}"),
            ("d", f"second {name}"),
        ]


def test_what_is_applied_is_what_the_files_say_and_asked_again_changes_nothing(config: Config) -> None:
    billing = config.of_source("billing").names.source_connector
    with ConnectApi(config.connect.url) as api:
        assert {"users-postgres-source", billing, config.names.sink} == {*api.connectors()}
        for file in wanted_connectors(Workspace(config)):
            assert file.config.items() <= api.config(file.name).items()
        assert "table.include.list" not in api.config(billing)
    said = setup.apply_connectors(Workspace(config))
    assert said.count("unchanged") == 3


def test_a_table_that_joins_one_source_comes_and_the_topics_of_neither_meet(config: Config) -> None:
    billing = config.of_source("billing")
    run(billing, "CREATE TABLE public.users (id int PRIMARY KEY, there text)")
    (made,) = new_views(Workspace(config), ["billing:public.users"], name="billed_users").outcomes
    assert made.fate == Fate.MADE, made
    for step in (setup.create_tables, setup.create_topics, setup.register_subjects, setup.create_view_tables):
        step(Workspace(config))
    said = setup.apply_connectors(Workspace(config))
    assert "billing:public.users known to the source" in said
    assert "users-postgres-source unchanged" in said
    assert "billing-postgres-source unchanged" in said
    run(billing, "INSERT INTO users VALUES (7, 'of billing')")
    wait_until_captured(billing, on_progress=print, stall_s=PATIENCE_S)
    assert changes(config, "app-billing.public.users", 9) == [("c", "of billing")]
    assert TopicAdmin(config.kafka.bootstrap).records({"app.public.users": 1}) == {"app.public.users": 0}


def test_a_database_that_is_away_keeps_the_changes_of_the_other_from_nothing(config: Config) -> None:
    own, billing = topics(config), config.of_source("billing")
    before = len(changes(config, own["billing_invoices"], 99))
    run(config, "ALTER DATABASE billing ALLOW_CONNECTIONS false")
    try:
        run(config, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'billing'")
        run(config, "INSERT INTO invoices VALUES ('3', 'meanwhile')")
        wait_until_captured(config, on_progress=print, stall_s=PATIENCE_S)
        assert changes(config, own["invoices"], 99)[-1] == ("c", "meanwhile")
        assert "source billing is away, and its views wait" in setup.create_tables(Workspace(config))
        applied = setup.apply_connectors(Workspace(config))
        assert {*applied.split(", ")} == {f"{config.names.sink} unchanged", "users-postgres-source unchanged"}
    finally:
        run(config, "ALTER DATABASE billing ALLOW_CONNECTIONS true")
    run(billing, "INSERT INTO invoices VALUES ('3', 'afterwards')")

    def has_arrived() -> bool:
        return len(changes(config, own["billing_invoices"], 99)) > before

    wait_until(has_arrived, timeout_s=PATIENCE_S, what="the change of afterwards is in its topic")
    assert changes(config, own["billing_invoices"], 99)[before:] == [("c", "afterwards")]
