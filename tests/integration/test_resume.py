"""A fill that is cut off reads the rest of its table later, at another snapshot, with the version of the first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import psycopg2
import pytest
from cassandra.cluster import Session
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]
from penstock_views.declaration.views import View
from penstock_views.stream.checkpoint import note_followed, start_checkpoint
from penstock_views.stream.session import local_session

from penstock.cassandra.session import open_session
from penstock.config import Config, load_config
from penstock.layout import Layout
from penstock.pipeline.fills import ids_in_cassandra, mark_progress, mark_started, started_fills
from penstock.pipeline.identities import identities_of
from penstock.postgres.record import StartedFill
from penstock.project.generation import epoch_of, version_of
from penstock.project.views import pick_view
from penstock.project.workspace import Workspace
from penstock.topics.consumer import open_consumer
from penstock.views import lane
from penstock.views.resume import Progress, begin_progress, find_progress
from tests.integration.servers import free_port, started_with_tables
from tests.unit.engine.stand_in import RegistryStandIn

pytestmark = pytest.mark.slow

TABLE, TOPIC = "public.users", "app.public.users"
ENDS = (4, 2, 3)
ROWS = 20_000
INSERT = """
INSERT INTO public.users (id, email, first_name, last_name, registered, country)
SELECT lpad(to_hex(n), 32, '0')::uuid, repeat('x', 100), 'Ann', 'As it was', '2022-02-02', 'NO'
FROM generate_series({}, {}) AS n
"""
MEANWHILE = (
    "DELETE FROM public.users WHERE id::text LIKE '%1'",
    "VACUUM public.users",
    # Rows of the last pages come to the first ones.
    "UPDATE public.users SET last_name = 'Changed' WHERE id::text LIKE '%2'",
    INSERT.format(100_000, 100_100),
)


class CutOff(Exception):
    """A fill ends in the middle."""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    folder = tmp_path_factory.mktemp("resume")
    names = ("postgres.port", "cassandra.port", "cassandra.storage_port", "kafka.port", "kafka.controller_port")
    lines = [f'state = "{folder / "var"}"', *(f"{name} = {free_port()}" for name in names)]
    file = folder / "penstock.toml"
    file.write_text("\n".join(lines))
    registry = RegistryStandIn()
    lines += ["registry.managed = false", f'registry.base_url = "{registry.url}"']
    file.write_text("\n".join(lines))
    config = load_config(file)
    for part in ("key", "value"):
        text = (Workspace(config).project.avro / f"views.users_by_id-{part}.avsc").read_text()
        registry.subjects[f"views.users_by_id-{part}"] = [text]
    with started_with_tables(config, "kafka"):
        make_topics(config)
        yield config


def make_topics(config: Config) -> None:
    """Make the topics, and let each partition of the CDC topic end elsewhere."""
    client, bootstrap = AdminClient({"bootstrap.servers": config.kafka.bootstrap}), config.kafka.bootstrap
    topics = [NewTopic(TOPIC, len(ENDS), 1), *(NewTopic(n, 1, 1) for n in ("views.users_by_id", "dead-letters.views"))]
    for made in client.create_topics(topics).values():
        made.result()
    producer = Producer({"bootstrap.servers": bootstrap})
    for partition, end in enumerate(ENDS):
        for _ in range(end):
            producer.produce(TOPIC, b"a change", partition=partition)
    producer.flush()


@pytest.fixture(scope="module")
def session(config: Config) -> Iterator[Session]:
    with open_session(config) as session:
        yield session


@pytest.fixture(scope="module")
def view(config: Config) -> View:
    return pick_view(Workspace(config).views, "users_by_id")


def fill(config: Config, view: View, cut_off: Progress | None) -> list[str]:
    said: list[str] = []
    lane._Lane(config, local_session(), [view], identities_of(Workspace(config)), cut_off, said.append).fill(None)
    return said


def started_now(config: Config) -> Mapping[str, StartedFill]:
    return started_fills(config, ids_in_cassandra(config))


def found(config: Config, view: View) -> Progress | None:
    return find_progress(config, [view], started_now(config), epoch=epoch_of(config))


def change(config: Config, *statements: str) -> None:
    with closing(psycopg2.connect(config.postgres.dsn)) as connection:
        connection.autocommit = True  # for VACUUM
        for statement in statements:
            connection.cursor().execute(statement)


def written(config: Config, begin: int) -> list[Any]:
    """Read the view's topic from an offset to its end."""
    with closing(open_consumer(config.kafka.bootstrap, group="test-resume")) as consumer:
        _, end = consumer.get_watermark_offsets(TopicPartition("views.users_by_id", 0), timeout=30)
        consumer.assign([TopicPartition("views.users_by_id", 0, begin)])
        records: list[Any] = []
        while len(records) < end - begin:
            records += consumer.consume(min(1000, end - begin - len(records)), timeout=30)
        return records


def test_the_rest_of_a_table_is_read_later_with_the_first_version(
    config: Config, session: Session, view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mark_once(*noted: Any) -> None:
        mark_progress(*noted)
        raise CutOff

    change(config, INSERT.format(1, ROWS))
    with monkeypatch.context() as patched, pytest.raises(CutOff):
        patched.setattr(lane, "mark_progress", mark_once)
        fill(config, view, None)
    first = written(config, 0)
    assert found(config, view) is None  # nothing of it is in Cassandra
    session.execute("INSERT INTO penstock.users_by_id (id) VALUES (00000000-0000-0000-0000-000000000001)")
    change(config, *MEANWHILE)
    cut_off = found(config, view)
    assert cut_off is not None
    assert (cut_off.pages, cut_off.offset) == (64, 1)

    said = fill(config, view, cut_off)
    assert said[0] == f"users_by_id: goes on at page 64 of {cut_off.parts[0].pages}, where a fill was cut off"
    rest = written(config, len(first))
    epoch = epoch_of(config)
    assert {dict(each.headers())["version"] for each in (*first, *rest)} == {b"%d" % version_of(epoch, 1)}
    keys, later = {each.key() for each in first}, {each.key() for each in rest}
    assert len(keys) == len(first) > 1000
    assert keys.isdisjoint(later)  # what has not changed is read once; what changed came to pages that were read
    # All rows that no change brings: of 16, one is gone, and one changed and may be in either.
    assert ROWS * 14 / 16 < len(keys | later) <= ROWS
    done = found(config, view)
    assert done is not None
    assert done.pages == done.parts[0].pages


def test_what_takes_part_of_the_rows_away_lets_it_begin_anew(config: Config, session: Session, view: View) -> None:
    root = Layout.of(config).row_views
    assert found(config, view) is not None
    start_checkpoint(root, TOPIC, {"0": 0, "1": 0, "2": 0})
    assert found(config, view) is None  # the query is without the view
    progress = Progress.of_json(started_now(config)["users_by_id"].progress or {})
    note_followed(root, TOPIC, progress.contracts, {0: 0, 1: 0, 2: 4})
    assert found(config, view) is None  # it came to the query behind the last offset
    note_followed(root, TOPIC, {}, {})
    note_followed(root, TOPIC, progress.contracts, {0: 4, 1: 0, 2: 3})
    assert found(config, view) is not None
    session.execute("TRUNCATE penstock.users_by_id")
    assert found(config, view) is None
    session.execute("INSERT INTO penstock.users_by_id (id) VALUES (00000000-0000-0000-0000-000000000001)")
    assert found(config, view) is not None
    change(config, "VACUUM FULL public.users")
    assert found(config, view) is None


def test_a_history_begins_again_where_kafka_has_deleted_a_change_since(config: Config, session: Session) -> None:
    view, root = pick_view(Workspace(config).views, "user_history"), Layout.of(config).row_views
    progress = begin_progress(config, [view], (3, 0, 2))
    mark_started(config, {view.name: version_of(epoch_of(config), progress.offset)}, None)
    mark_progress(config, [view.name], progress.as_json())
    start_checkpoint(root, TOPIC, {"0": 0, "1": 0, "2": 0})
    note_followed(root, TOPIC, progress.contracts, {0: 0, 1: 0, 2: 0})
    insert = "INSERT INTO penstock.user_history (id, version) VALUES (00000000-0000-0000-0000-000000000001, 1)"
    session.execute(insert)
    delete_before(config, 1, 1)
    assert found(config, view) == progress
    delete_before(config, 1, 2)
    assert found(config, view) is None


def delete_before(config: Config, partition: int, offset: int) -> None:
    """Let Kafka delete the records of a partition of the CDC topic that are before an offset."""
    client = AdminClient({"bootstrap.servers": config.kafka.bootstrap})
    for deleted in client.delete_records([TopicPartition(TOPIC, partition, offset)]).values():
        deleted.result()
