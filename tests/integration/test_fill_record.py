"""What the record says of fills, held against a real Cassandra; what an earlier version kept there is taken over."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from uuid import UUID

import pytest
from cassandra.cluster import Session
from confluent_kafka import Producer
from penstock_views.stream.checkpoint import start_checkpoint

from penstock.cassandra.session import open_session
from penstock.cassandra.table import table_ids
from penstock.config import Config, load_config
from penstock.layout import Layout
from penstock.pipeline.fills import (
    filled_views,
    ids_in_cassandra,
    lost,
    mark_filled,
    mark_progress,
    mark_started,
    replaced,
    started_fills,
    take_over,
    unfilled,
)
from penstock.pipeline.identities import Identities, identities_of
from penstock.postgres.connection import connect
from penstock.postgres.publication import make_known
from penstock.postgres.record import RecordMissing, forget_views, read_fills
from penstock.postgres.silent import forget_changes, silent_changes
from penstock.project.views import pick_view
from penstock.project.workspace import Workspace
from penstock.setup import actions as setup
from penstock.topics.admin import TopicAdmin
from penstock.views.fresh import settle_empty
from penstock.wait import wait_until
from tests.integration.servers import started_with_tables, written
from tests.names import topic_of
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.slow

BY_ID, HISTORY = "users_by_id", "user_history"
TABLE = "public.users"
INSERTED = """
INSERT INTO public.users (id, email, first_name, last_name, registered, country)
VALUES (gen_random_uuid(), 'there@example.com', 'There', 'Already', '2022-02-02', 'NO')
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    config = load_config(written(tmp_path_factory.mktemp("fills"), "postgres", "cassandra", "kafka", "connect"))
    with started_with_tables(config, "kafka"):
        setup.create_topics(Workspace(config))
        yield config


@pytest.fixture
def session(config: Config) -> Iterator[Session]:
    """Open a session; nothing is noted of any view."""
    with open_session(config) as session, connect(config) as connection:
        forget_views(connection, [view.name for view in Workspace(config).views])
        session.execute("TRUNCATE penstock.users_by_id")
        yield session


@pytest.fixture
def identities(config: Config) -> Identities:
    return identities_of(Workspace(config))


def names_of_unfilled(config: Config, identities: Identities, epoch: int = 1) -> frozenset[str]:
    views, ids = Workspace(config).views, ids_in_cassandra(config)
    return frozenset(view.name for view in unfilled(config, views, ids=ids, epoch=epoch, identities=identities))


@pytest.mark.usefixtures("session")
def test_a_view_is_filled_in_one_generation_of_one_table_from_one_source(
    config: Config, identities: Identities
) -> None:
    views = Workspace(config).views
    everything = frozenset(view.name for view in views)
    assert (filled_views(config), names_of_unfilled(config, identities)) == (frozenset(), everything)
    mark_filled(config, views, epoch=1, identities=identities)
    assert (filled_views(config), names_of_unfilled(config, identities)) == (everything, frozenset())
    assert names_of_unfilled(config, identities, epoch=2) == everything
    other = {TABLE: replace(identities[TABLE], id="another")}
    assert names_of_unfilled(config, other) == everything
    assert {each.view.name for each in replaced(config, views, identities=other)} == everything


def test_a_table_that_was_made_anew_is_not_filled(config: Config, session: Session, identities: Identities) -> None:
    views = Workspace(config).views
    mark_filled(config, views, epoch=1, identities=identities)
    mark_started(config, {BY_ID: 41}, identities[TABLE])
    assert (lost(config, views), started_fills(config, ids_in_cassandra(config))[BY_ID].version) == ({}, 41)
    session.execute("DROP TABLE penstock.users_by_id")
    assert "is gone from Cassandra" in lost(config, views)[BY_ID]
    setup.create_view_tables(Workspace(config))
    assert "was made again in Cassandra and not filled" in lost(config, views)[BY_ID]
    assert names_of_unfilled(config, identities) == {BY_ID}
    assert started_fills(config, ids_in_cassandra(config)) == {}


@pytest.mark.usefixtures("session")
def test_how_far_a_fill_has_come_is_known_until_the_next_begins(config: Config, identities: Identities) -> None:
    def progress() -> dict[str, object]:
        return {name: each.progress for name, each in started_fills(config, ids_in_cassandra(config)).items()}

    mark_started(config, {BY_ID: 41, HISTORY: 41}, identities[TABLE])
    assert progress() == {BY_ID: None, HISTORY: None}
    mark_progress(config, [BY_ID], {"pages": 7})
    assert progress() == {BY_ID: {"pages": 7}, HISTORY: None}
    mark_started(config, {BY_ID: 41}, identities[TABLE])
    assert progress()[BY_ID] is None
    with connect(config) as connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE penstock.view_fills_begun DROP COLUMN progress")
        connection.commit()
    assert progress()[BY_ID] is None  # a database that an earlier version has set up
    with pytest.raises(RecordMissing, match="penstock up"):
        mark_progress(config, [BY_ID], {"pages": 7})
    setup.create_tables(Workspace(config))


def test_what_an_earlier_version_kept_in_cassandra_is_taken_over_once(
    config: Config, session: Session, identities: Identities
) -> None:
    ids, views = table_ids(session, "penstock"), Workspace(config).views
    source, by_id = identities[TABLE].source, pick_view(views, BY_ID)
    # The oldest ones had no column for the source.
    session.execute("CREATE TABLE penstock.view_fills (name text PRIMARY KEY, table_id uuid, generation bigint)")
    session.execute(
        "CREATE TABLE penstock.view_fills_begun (name text PRIMARY KEY, table_id uuid, version bigint, source text)"
    )
    for name in (BY_ID, HISTORY):
        session.execute("INSERT INTO penstock.view_fills JSON %s", [f'{{"name": "{name}", "generation": 1}}'])
        update = "UPDATE penstock.view_fills SET table_id = %s WHERE name = %s"
        session.execute(update, (UUID(ids[name]), name))
    insert = "INSERT INTO penstock.view_fills_begun (name, table_id, version, source) VALUES (%s, %s, 7, %s)"
    session.execute(insert, (BY_ID, UUID(ids[BY_ID]), source))
    mark_filled(config, [by_id], epoch=5, identities=identities)  # known since: it stays
    for _ in range(2):
        take_over(config, views, identities=identities)
        with connect(config) as connection:
            fills = read_fills(connection)
        assert {name: (fill.generation, fill.source) for name, fill in fills.items()} == {
            BY_ID: (5, source),
            HISTORY: (1, source),
        }
        assert started_fills(config, ids)[BY_ID].version == 7
        assert not {"view_fills", "view_fills_begun"} & set(table_ids(session, "penstock"))


@pytest.mark.usefixtures("session")
def test_only_tables_without_rows_to_which_nobody_writes_need_no_fill(config: Config, identities: Identities) -> None:
    views, everything = Workspace(config).views, {view.name for view in Workspace(config).views}
    settle = partial(settle_empty, config, views, identities=identities, on_progress=print)
    # The source would leave out a row that comes now.
    assert settle() == []
    with connect(config) as theirs, theirs.cursor() as cursor:
        make_known(theirs, {TABLE})
        cursor.execute(INSERTED)
        # Its commit may be past the jobs, and not seen here.
        assert settle() == []
        theirs.commit()
        assert settle() == []
        cursor.execute("DELETE FROM public.users")
        theirs.commit()
    mark_started(config, {HISTORY: 7}, identities[TABLE])  # a fill that was cut off may have left rows on their way
    assert {view.name for view in settle()} == everything - {HISTORY}
    assert filled_views(config) == everything - {HISTORY}


def test_a_view_into_which_its_topic_brings_a_row_needs_a_fill(
    config: Config, session: Session, identities: Identities
) -> None:
    topic, root, said = topic_of(TABLE), Layout.of(config).row_views, list[str]()
    producer = Producer({"bootstrap.servers": config.kafka.bootstrap})
    producer.produce(topic, value=b"an INSERT of before")
    assert producer.flush(60) == 0
    with connect(config) as connection:
        make_known(connection, {TABLE})
    views = Workspace(config).views
    settle = partial(settle_empty, config, views, identities=identities, on_progress=said.append)
    with ThreadPoolExecutor(1) as pool:
        settled = pool.submit(settle)
        what = "waiting until the views job has committed 1 more offsets"
        wait_until(lambda: what in said or settled.done(), timeout_s=PATIENCE_S, what="it waits for the job")
        session.execute(f"INSERT INTO penstock.users_by_id (id) VALUES ({UUID(int=1)})")
        start_checkpoint(root, topic, {"0": 1})
        assert {view.name for view in settled.result(PATIENCE_S)} == {view.name for view in views} - {BY_ID}
    shutil.rmtree(root)
    TopicAdmin(config.kafka.bootstrap).clear([topic, "never made"])
    assert TopicAdmin(config.kafka.bootstrap).bounds({topic: 1}) == {(topic, 0): (1, 1)}
    assert settle()  # nothing is waited for


def test_rows_of_before_the_database_are_not_taken_for_filled(
    config: Config, session: Session, identities: Identities
) -> None:
    session.execute(f"INSERT INTO penstock.users_by_id (id) VALUES ({UUID(int=1)})")
    views = Workspace(config).views
    with connect(config) as connection:
        make_known(connection, {TABLE})
    settled = settle_empty(config, views, identities=identities, on_progress=print)
    assert BY_ID not in [view.name for view in settled]
    assert filled_views(config) == {view.name for view in views} - {BY_ID}
    assert {view.name for view in setup.empty_views(Workspace(config))} == {view.name for view in views} - {BY_ID}
    with connect(config) as connection:
        (noted,) = silent_changes(connection, [TABLE])
        forget_changes(connection, [noted])
    assert noted.what == "Cassandra has rows of before this database"
