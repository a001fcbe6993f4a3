"""A sink and a source that cannot go on in their topics: Kafka, Postgres, the registry, Cassandra and Connect."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from penstock_views.stream.checkpoint import note_followed, start_checkpoint

from penstock.cassandra.session import open_session
from penstock.config import Config, load_config
from penstock.connect.api import ConnectApi, State
from penstock.connect.apply import ConnectorIdle, ConnectorRejected, validate_connectors, wait_running
from penstock.connect.files import ConnectorFile
from penstock.connect.place import group_of
from penstock.layout import Layout
from penstock.pipeline.fence import ends, wait_until_captured, wait_until_written
from penstock.pipeline.state import Reading, read_flow
from penstock.pipeline.topic_ids import TopicsMadeAgain, made_again, note_topics
from penstock.pipeline.unwritten import note_new_topics
from penstock.postgres.connection import connect
from penstock.postgres.silent import silent_changes
from penstock.project.connector_lists import read_lists
from penstock.project.folders import Project
from penstock.project.workspace import Workspace
from penstock.registry.client import RegistryClient
from penstock.running import Running, write_running
from penstock.setup import actions as setup
from penstock.topics.admin import TopicAdmin
from penstock.views.drop import leave_out
from penstock.wait import wait_until
from tests.integration.servers import started_behind, written
from tests.names import SINK, SOURCE, topic_of
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.slow

TABLE = "public.users"
TOPIC = "views.users_by_id"
PLACE = (TOPIC, 0)
HOUR_S = 3600


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """Set up all but Spark, in a folder of its own, as `penstock up` does."""
    folder, behind = tmp_path_factory.mktemp("places"), ("registry", "cassandra", "connect")
    config = load_config(written(folder, "postgres", "kafka", *behind))
    with started_behind(config, *behind):
        setup.register_subjects(Workspace(config))
        setup.create_view_tables(Workspace(config))
        setup.apply_connectors(Workspace(config))
        note_topics(Workspace(config))
        yield config


@pytest.fixture
def admin(config: Config) -> TopicAdmin:
    return TopicAdmin(config.kafka.bootstrap)


def write(config: Config, count: int) -> None:
    """Write records that no sink can read: they are dead letters, and counted as read."""
    producer = Producer({"bootstrap.servers": config.kafka.bootstrap})
    for _ in range(count):
        producer.produce(TOPIC, key=b"no Avro", value=b"no Avro")
    assert producer.flush(60) == 0


def wait_until_read(admin: TopicAdmin, offset: int) -> None:
    what = f"the sink has read up to {offset}"
    wait_until(lambda: admin.committed(group_of(SINK)).get(PLACE) == offset, timeout_s=PATIENCE_S, what=what)


def red(config: Config, name: str) -> list[Reading]:
    return [reading for reading in read_flow(Workspace(config)) if reading.name == name and not reading.is_well]


def notes(config: Config) -> list[str]:
    with connect(config) as connection:
        return [change.what for change in silent_changes(connection, {TABLE})]


def state_of_sink(config: Config) -> str:
    with ConnectApi(config.connect.url) as api:
        return api.status(SINK).summary


def delete(config: Config, topic: str) -> None:
    """Delete a topic and make it again."""
    TopicAdmin(config.kafka.bootstrap).delete([topic])
    gone = f"{topic} is gone"
    wait_until(lambda: topic not in TopicAdmin(config.kafka.bootstrap).topics(), timeout_s=PATIENCE_S, what=gone)
    setup.create_topics(Workspace(config))


def test_a_sink_that_is_placed_reads_from_the_beginning(config: Config, admin: TopicAdmin) -> None:
    write(config, 5)
    wait_until_read(admin, 5)
    assert notes(config) == []


def test_records_deleted_unread_are_said_and_never_skipped_without_a_word(config: Config, admin: TopicAdmin) -> None:
    with ConnectApi(config.connect.url) as api:
        api.stop(SINK)
        wait_until(lambda: api.status(SINK).connector.state == State.STOPPED, timeout_s=PATIENCE_S, what="it stops")
        write(config, 5)
        client = AdminClient({"bootstrap.servers": config.kafka.bootstrap})
        for done in client.delete_records([TopicPartition(*PLACE, 8)]).values():
            done.result()
        (said,) = red(config, "view topics → Cassandra")
        assert said.seen.startswith(f"3 offsets of {TOPIC}/0 were deleted unread (5 to 8): `penstock views apply`")
        api.resume(SINK)
    wait_until(lambda: state_of_sink(config) == State.FAILED, timeout_s=PATIENCE_S, what="the sink does not skip them")
    setup.apply_connectors(Workspace(config))
    wait_until_read(admin, 10)
    assert state_of_sink(config) == State.RUNNING
    assert notes(config) == [f"Cassandra misses records: 3 offsets of {TOPIC}/0 were deleted unread (5 to 8)"]
    (said,) = red(config, f"table {TABLE}")
    assert "`penstock views apply` reads the table again" in said.seen
    assert red(config, "view topics → Cassandra") == []


@pytest.mark.parametrize("is_moved", [False, True])
def test_a_sink_that_a_killed_command_left_stopped_goes_on(config: Config, admin: TopicAdmin, is_moved: bool) -> None:
    with ConnectApi(config.connect.url) as api:
        api.stop(SINK)
        wait_until(lambda: api.status(SINK).connector.state == State.STOPPED, timeout_s=PATIENCE_S, what="it stops")
    write(config, 2)
    end = ends(config, [TOPIC])[PLACE]
    if is_moved:
        client = AdminClient({"bootstrap.servers": config.kafka.bootstrap})
        for done in client.delete_records([TopicPartition(*PLACE, end)]).values():
            done.result()
    assert f"{SINK} {'updated' if is_moved else 'resumed'}" in setup.apply_connectors(Workspace(config))
    assert state_of_sink(config) == State.RUNNING
    wait_until_read(admin, end)


def test_a_sink_all_of_whose_views_are_dropped_comes_back_with_the_next_one(config: Config, admin: TopicAdmin) -> None:
    end = ends(config, [TOPIC])[PLACE]
    with ConnectApi(config.connect.url) as api:
        idle = ConnectorFile(SINK, {**api.config(SINK), "topics": ""})
        with pytest.raises(ConnectorRejected, match="topics"):
            validate_connectors(api, files=[idle])
        leave_out(api, config.names, read_lists(Project.of(config)).known)
        assert SINK not in api.connectors()
    write(config, 1)
    assert f"{SINK} created" in setup.apply_connectors(Workspace(config))
    wait_until_read(admin, end + 1)


def test_a_wait_for_a_paused_connector_ends_with_its_cure(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penstock.connect.apply._BORNE_S", 1.0)
    waits = {
        SOURCE: partial(wait_until_captured, config, on_progress=print, stall_s=PATIENCE_S),
        SINK: partial(wait_until_written, config, [TOPIC], on_progress=print, stall_s=PATIENCE_S),
    }
    with ConnectApi(config.connect.url) as api:
        for name, wait in waits.items():
            api.pause(name)
            wait_until(partial(is_paused, api, name), timeout_s=PATIENCE_S, what=f"{name} is paused")
            write(config, 1)
            with pytest.raises(ConnectorIdle, match=f"`penstock connectors resume {name}`"):
                wait()
            api.resume(name)
            wait_running(api, name)
            wait()


def is_paused(api: ConnectApi, name: str) -> bool:
    return api.status(name).summary == State.PAUSED


@pytest.fixture
def checkpoint(config: Config) -> Iterator[Path]:
    """Make a checkpoint of the views job, which does not run here, whose last commit was an hour ago."""
    root = Layout.of(config).row_views
    folder = start_checkpoint(root, topic_of(TABLE), {"0": 0}).folder
    (folder / "commits").mkdir()
    (folder / "commits" / "0").write_text("v1\n{}")
    os.utime(folder / "commits" / "0", (time.time() - HOUR_S,) * 2)
    (folder / "offsets").mkdir()
    yield folder
    shutil.rmtree(root)


def test_a_query_that_hangs_is_said(config: Config, checkpoint: Path) -> None:
    (checkpoint / "offsets" / "0").write_text("v1\n{}\n" + json.dumps({topic_of(TABLE): {"0": 0}}))
    assert red(config, f"views of {TABLE}") == []
    producer = Producer({"bootstrap.servers": config.kafka.bootstrap})
    producer.produce(topic_of(TABLE), value=b"waits", timestamp=int((time.time() - HOUR_S) * 1000))
    assert producer.flush(60) == 0
    running = Layout.of(config).running_file("views")
    write_running(running, Running("app", {}, is_settled=True))
    assert red(config, f"views of {TABLE}") == [], "the job began a moment ago"
    os.utime(running, (time.time() - HOUR_S,) * 2)
    (said,) = red(config, f"views of {TABLE}")
    assert re.match(r"hangs: its last commit was 3,6\d\d s ago, and offset 0 of app.public.users waits for", said.seen)
    assert "views, killed (-9), goes on where it was" in said.seen
    for _ in range(2):
        note_followed(checkpoint.parents[1], topic_of(TABLE), {"users_by_id": "f1"}, {0: 0})
        assert red(config, f"views of {TABLE}") == [], "its query began a moment ago, as after an ALTER TABLE"
        os.utime(checkpoint.parent / "followed.json", (time.time() - HOUR_S,) * 2)
        assert len(red(config, f"views of {TABLE}")) == 1


def test_a_query_behind_the_end_of_its_topic_is_said(config: Config, checkpoint: Path) -> None:
    (checkpoint / "offsets" / "0").write_text("v1\n{}\n" + json.dumps({topic_of(TABLE): {"0": 99}}))
    (said,) = red(config, f"views of {TABLE}")
    assert said.seen.endswith("it was made again: `penstock views rebuild` reads everything again")


def test_a_topic_of_a_view_that_is_made_anew_is_said_and_noted_for_a_fill(config: Config, admin: TopicAdmin) -> None:
    delete(config, TOPIC)
    assert made_again(Workspace(config)) == [TOPIC]
    (said,) = red(config, f"topic {TOPIC}")
    assert said.seen == "was deleted, or made again: `penstock views apply` fills its view again"
    setup.apply_connectors(Workspace(config))
    note_new_topics(Workspace(config))
    assert notes(config)[-1] == f"topic {TOPIC} was deleted"
    write(config, 2)
    wait_until_read(admin, 2)
    note_topics(Workspace(config))
    assert made_again(Workspace(config)) == []


def test_a_change_topic_that_is_made_anew_is_refused_until_a_new_epoch(config: Config) -> None:
    topic = topic_of(TABLE)
    delete(config, topic)
    (said,) = red(config, f"topic {topic}")
    assert said.seen == "was deleted, or made again: `penstock views rebuild` reads everything again"
    with pytest.raises(TopicsMadeAgain, match="penstock views rebuild"):
        setup.apply_connectors(Workspace(config))


def test_contracts_and_view_tables_that_are_gone_are_said(config: Config) -> None:
    assert red(config, "Schema Registry") == []
    with RegistryClient(config.registry.url) as registry, open_session(config) as session:
        registry.delete_subject(f"{TOPIC}-value")
        session.execute(f"DROP KEYSPACE {config.names.keyspace}")
    (said,) = red(config, "Schema Registry")
    assert said.seen == f"lacks {TOPIC}-value: `penstock up` registers them"
    (said,) = red(config, "view users_by_id")
    assert said.seen == "table penstock.users_by_id is gone from Cassandra: `penstock views apply` fills it again"
    setup.register_subjects(Workspace(config))
    setup.create_view_tables(Workspace(config))
    (said,) = red(config, "view users_by_id")
    assert "was made again in Cassandra and not filled" in said.seen
