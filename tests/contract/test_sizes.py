"""The limits of sizes fit each other, in whichever language they are said."""

from __future__ import annotations

import re

from penstock_views.stream.kafka import SINK
from penstock_views.types.sizes import _ELEMENT, _NUMBER, _WRITTEN

from penstock import sizes
from penstock.clone import ROOT
from penstock.config import Config
from penstock.connect.files import read_connector
from penstock.project.workspace import Workspace
from penstock.topics.declare import declare_topics
from tests.names import DEAD_LETTER_TOPICS

SOURCE = ROOT / "connect" / "postgres-source" / "src" / "main" / "java" / "dev" / "penstock" / "postgres"
TOPICS = {topic.name: topic.settings for topic in declare_topics(Config(), Workspace(Config()).views)}
COLUMNS = 1600
"""The most that a table of Postgres has."""
# Names, times and transaction of a change; its headers; a key, which an index holds.
REST = 64 * 1024
CASSANDRA_MUTATION = 16 * 1024 * 1024
"""Half of `commitlog_segment_size`, which is 32 MiB unless cassandra.yaml says otherwise."""
BATCH_FAIL_THRESHOLD = 50 * 1024
"""`batch_size_fail_threshold` of a Cassandra that is not ours: it refuses larger batches, and each row goes alone."""


def java(file: str, name: str) -> int:
    found = re.search(rf"static final int {name} = ([0-9_]+);", (SOURCE / f"{file}.java").read_text())
    assert found, name
    return int(found[1].replace("_", ""))


def connector(name: str, setting: str) -> int:
    return int(read_connector(ROOT / "connect" / "connectors" / f"{name}.json").config[setting])


def test_any_cassandra_takes_a_batch_of_the_sink() -> None:
    assert connector("cassandra-views-sink", "maxBatchSizeInBytes") <= 0.9 * BATCH_FAIL_THRESHOLD  # it is an estimate


def test_source_and_verify_know_the_same_limits() -> None:
    assert java("LargeImages", "MOST_BYTES") == sizes.IMAGE_BYTES
    assert java("ImageSize", "SMALL") == sizes.SMALL_BYTES
    counted = [java("ImageSize", name) for name in ("ELEMENT", "NUMBER", "WRITTEN")]
    assert counted == [_ELEMENT, _NUMBER, _WRITTEN]


def test_a_change_of_two_rows_is_a_record_that_source_and_topic_take() -> None:
    change = 2 * (sizes.IMAGE_BYTES + COLUMNS * sizes.SMALL_BYTES) + REST
    assert change <= sizes.RECORD_BYTES
    assert connector("users-postgres-source", "producer.override.max.request.size") == sizes.RECORD_BYTES
    assert int(TOPICS["app.public.users"]["max.message.bytes"]) == sizes.RECORD_BYTES


def test_each_row_of_a_view_is_a_record_that_job_topic_and_cassandra_take() -> None:
    longest_key = 65_535
    record = max(sizes.VIEW_ROW_BYTES, 2 * sizes.HISTORY_ROW_BYTES) + COLUMNS * sizes.SMALL_BYTES + longest_key
    assert record <= min(sizes.RECORD_BYTES, CASSANDRA_MUTATION)
    assert int(SINK["kafka.max.request.size"]) == sizes.RECORD_BYTES
    assert int(TOPICS["views.users_by_id"]["max.message.bytes"]) == sizes.RECORD_BYTES
    cassandra = (ROOT / "servers" / "cassandra" / "cassandra.yaml").read_text()
    assert "commitlog_segment_size" not in cassandra
    assert "native_transport_max_request_data_in_flight_per_ip: 32MiB" in cassandra


def test_a_row_that_the_source_lets_through_fits_a_view_that_takes_it_as_it_is() -> None:
    assert sizes.IMAGE_BYTES <= sizes.VIEW_ROW_BYTES


def test_a_dead_letter_of_the_sink_holds_a_whole_record() -> None:
    assert sizes.DEAD_LETTER_BYTES >= sizes.RECORD_BYTES + 1024 * 1024
    assert connector("cassandra-views-sink", "producer.override.max.request.size") == sizes.DEAD_LETTER_BYTES
    for name in DEAD_LETTER_TOPICS:
        assert int(TOPICS[name]["max.message.bytes"]) == sizes.DEAD_LETTER_BYTES


def test_dead_letters_have_a_bound_that_a_segment_is_a_small_part_of() -> None:
    for name in DEAD_LETTER_TOPICS:
        bytes_, segment = int(TOPICS[name]["retention.bytes"]), int(TOPICS[name]["segment.bytes"])
        assert sizes.DEAD_LETTER_BYTES < segment <= bytes_ // 4
