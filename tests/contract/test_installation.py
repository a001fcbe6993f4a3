"""The names of an installation: the files and docs/contracts.md have the default's, and no two share one."""

from __future__ import annotations

import inspect
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from penstock.clone import ROOT
from penstock.config import Config, ConfigInvalid, load_config
from penstock.connect.files import ConnectorFile, read_connectors
from penstock.connect.place import group_of
from penstock.installation import (
    DEFAULT,
    MOST_IN_INSTALLATION,
    MOST_IN_SOURCE,
    SINK_FILE,
    SOURCE_FILE,
    Names,
    why_no_source,
    why_unfit,
)
from penstock.names import topic_of
from penstock.project.connectors import declared_connectors, in_installation
from penstock.project.folders import Project

OURS, ORDERS = Names(), Names("orders")
PROJECT = Project.of(Config())
FILES = read_connectors(PROJECT.connectors, names=[SOURCE_FILE, SINK_FILE])
SOURCE, SINK = FILES
MANUAL = (ROOT / "docs" / "contracts.md").read_text(encoding="utf-8")
NAMES = st.one_of(st.just(DEFAULT), st.from_regex(r"[a-z][a-z0-9]{0,9}", fullmatch=True)).filter(
    lambda name: not why_unfit(name)
)
SOURCES = st.one_of(st.just(""), st.from_regex(r"[a-z][a-z0-9]{0,9}", fullmatch=True)).filter(
    lambda name: not (name and why_no_source(name))
)
TABLES = st.from_regex(r"[a-z_]{1,6}\.[a-z_]{1,6}", fullmatch=True)


def derived(names: Names) -> list[str]:
    """Return every name that is derived from one."""
    found: list[str] = []
    for attribute, value in inspect.getmembers(type(names)):
        if isinstance(value, property):
            name = getattr(names, attribute)
            found += name if isinstance(name, tuple) else [str(name)]
    return found


def test_every_connector_has_them() -> None:
    assert in_installation(SOURCE, OURS) == SOURCE
    assert in_installation(SINK, OURS) == SINK


def test_another_installation_has_its_own_and_what_a_file_says_otherwise_stays() -> None:
    source, sink = (in_installation(file, ORDERS) for file in FILES)
    assert (source.name, sink.name) == ("orders-users-postgres-source", "orders-cassandra-views-sink")
    named = ("slot.name", "publication.name", "topic.prefix", "signal.data.collection", "notification.sink.topic.name")
    assert [source.config[key] for key in named] == [
        *("orders", "orders", "orders", "orders.signals", "debezium-notifications.orders")
    ]
    assert sink.config["errors.deadletterqueue.topic.name"] == "orders-dead-letters.sink"
    assert sink.config["topics"].split(",")[0] == "orders-views.users_by_id"
    assert "topic.orders-views.users_by_id.orders.users_by_id.mapping" in sink.config
    assert not [
        text for text in (*sink.config, *sink.config.values()) if "penstock.users" in text or text.startswith("views.")
    ]
    chosen = ConnectorFile("mine", {"topic.prefix": "elsewhere", "topics": "views.a,other"})
    assert in_installation(chosen, ORDERS).config == {"topic.prefix": "elsewhere", "topics": "orders-views.a,other"}


@pytest.mark.parametrize("asked", ["users-postgres-source", "orders-users-postgres-source"])
def test_a_connector_is_found_by_its_name_and_by_its_file(asked: str) -> None:
    (found,) = declared_connectors(Config(name="orders"), names=[asked])
    assert found.name == "orders-users-postgres-source"


def test_the_files_of_postgres_have_them() -> None:
    text = "\n".join(file.read_text(encoding="utf-8") for file in sorted(PROJECT.postgres.glob("*.sql")))
    assert set(re.findall(r"pubname = '(\w+)'", text)) == {OURS.publication}
    assert f"CREATE TABLE IF NOT EXISTS {OURS.signals} " in text
    assert OURS.in_sql(text) == text
    # What is left are the commands that are named, and words of comments.
    left = re.findall(r"[^\n]*penstock[^\n]*", ORDERS.in_sql(re.sub(r"--[^\n]*", "", text)))
    assert [line for line in left if not re.search("penstock (views drop|doctor)", line)] == []
    # One home for the beginning of the event triggers' names, and it is the installation's.
    assert set(re.findall(r"'(\w+_)' \|\| (?:w\.)?calls", ORDERS.in_sql(text))) == {"orders_"}


@pytest.mark.parametrize("names", [OURS, ORDERS])
def test_the_contract_has_them(names: Names) -> None:
    chapter = MANUAL.split("### Names of tables and columns")[0]
    shown = {name for name in derived(names) if not name.isdigit()} | {group_of(names.sink)}
    shown -= {names.name, names.registry_events, *names.registry_topics}
    assert {name for name in shown if f"`{name}" not in chapter} == set()


@given(NAMES, NAMES)
def test_two_names_share_nothing(one: str, other: str) -> None:
    assume(one != other)
    first, second = derived(Names(one)), derived(Names(other))
    assert not {*first} & {*second}


@given(NAMES, NAMES, SOURCES, SOURCES)
def test_two_sources_share_only_what_is_of_the_whole_installation(
    one: str, other: str, source: str, beside: str
) -> None:
    assume((one, source) != (other, beside))
    shared = {*derived(Names(one, source))} & {*derived(Names(other, beside))}
    assert shared <= ({*derived(Names(one))} - of_database(Names(one)) if one == other else set())


def of_database(names: Names) -> set[str]:
    """Return the names that a source database has for itself."""
    named = (names.schema, names.slot, names.publication, names.signals, str(names.lock), names.source_connector)
    return {*named, names.topic_prefix, names.notifications_topic, names.heartbeat_topic} - {names.name}


@given(NAMES, NAMES, TABLES, TABLES)
def test_the_topics_of_two_names_never_meet_as_kafka_sees_them(one: str, other: str, table: str, beside: str) -> None:
    """Kafka takes `.` and `_` for one, and an access control list gives all that begins alike."""
    assume(one != other)
    first, second = (topics(Names(name), table) for name, table in ((one, table), (other, beside)))
    assert not {topic.replace(".", "_") for topic in first} & {topic.replace(".", "_") for topic in second}
    for prefix in (f"{Names(one).topic_prefix}.", Names(one).view_topics, Names(one).groups):
        groups = [Names(other).group("fence"), Names(other).views_app, group_of(Names(other).sink)]
        assert not [name for name in (*second, *groups) if name.startswith(prefix)]


def topics(names: Names, table: str) -> list[str]:
    """Return topics of an installation."""
    view = table.replace(".", "_")
    return [
        *(topic_of(table, names.topic_prefix), topic_of(names.signals, names.topic_prefix), names.view_topic(view)),
        *(names.notifications_topic, names.heartbeat_topic, *names.dead_letter_topics, *names.registry_topics),
        *(f"{names.connect_cluster}-{kind}" for kind in ("configs", "offsets", "status")),
    ]


@given(NAMES)
def test_a_name_fits_every_server(name: str) -> None:
    names = Names(name + "x" * (MOST_IN_INSTALLATION - len(name))) if name != DEFAULT else Names()
    assert max(map(len, (names.schema, names.slot, f"{names.schema}_before_rewrite", names.airflow_database))) <= 63
    assert len(names.keyspace) <= 48
    source = names.of_source("x" * MOST_IN_SOURCE)
    assert max(map(len, (source.slot, f"{source.schema}_before_rewrite"))) <= 63


@pytest.mark.parametrize("name", ["", "Orders", "my_orders", "my-orders", "1st", "o" * 33, "app", "select", "keyspace"])
def test_a_name_that_would_meet_another_or_break_a_statement_is_refused(name: str, tmp_path: object) -> None:
    file = ROOT.joinpath(str(tmp_path)) / "penstock.toml"
    file.write_text(f'name = "{name}"\n')
    with pytest.raises(ConfigInvalid, match=r"name: (the name of an installation has|.* is taken)"):
        load_config(file)
