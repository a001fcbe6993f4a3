"""The declared topics keep the contracts' promises, and differences of existing ones are reported."""

from __future__ import annotations

from pathlib import Path

import pytest
from penstock_views.declaration.views import View, row

from penstock.config import Config
from penstock.sections.kafka import Kafka
from penstock.topics.create import differences
from penstock.topics.declare import cdc_topics, declare_topics, view_topics
from penstock.topics.topic import Topic
from tests.names import DEAD_LETTER_TOPICS

KAFKA = Kafka(partitions=3, replication_factor=2)
VIEWS = [
    View(name, table, ("id",), 1, lambda image: row(id=image.id), Path("v.py"), 1)
    for name, table in {"users": "public.users", "adults": "public.users", "lines": "sales.Order Lines"}.items()
]
TOPICS = {topic.name: topic for topic in declare_topics(Config(kafka=KAFKA), VIEWS)}


def test_the_topics_follow_the_views() -> None:
    assert cdc_topics(VIEWS) == ("app.public.users", "app.sales.Order_x0020_Lines")
    assert view_topics(VIEWS) == ("views.adults", "views.lines", "views.users")


def test_no_topic_whose_records_are_the_only_word_is_compacted() -> None:
    for name in (*cdc_topics(VIEWS), *view_topics(VIEWS), *DEAD_LETTER_TOPICS, "kafkasql-journal"):
        assert TOPICS[name].cleanup_policy == "delete", name


def test_data_topics_have_the_configured_partitions_and_all_the_replicas() -> None:
    assert {TOPICS[name].partitions for name in (*cdc_topics(VIEWS), *view_topics(VIEWS))} == {3}
    assert {topic.replication_factor for topic in TOPICS.values()} == {2}


def test_dead_letters_outlive_the_records_they_come_from() -> None:
    kept = {name: int(TOPICS[name].settings["retention.ms"]) for name in (*cdc_topics(VIEWS), *DEAD_LETTER_TOPICS)}
    assert min(kept[name] for name in DEAD_LETTER_TOPICS) > max(kept[name] for name in cdc_topics(VIEWS))


def test_the_registry_keeps_its_journal_for_ever_in_one_partition() -> None:
    journal = TOPICS["kafkasql-journal"]
    assert (journal.partitions, journal.settings["retention.ms"]) == (1, "-1")


def test_connect_gets_its_internal_topics_compacted_and_one_partition_of_configs() -> None:
    assert {TOPICS[f"connect-{name}"].cleanup_policy for name in ("configs", "offsets", "status")} == {"compact"}
    assert TOPICS["connect-configs"].partitions == 1


@pytest.mark.parametrize(
    ("partitions", "policy", "expected"), [(1, "delete", 0), (2, "delete", 1), (1, "compact", 1), (2, "compact", 2)]
)
def test_partitions_and_policy_must_be_as_declared(partitions: int, policy: str, expected: int) -> None:
    topic = Topic("t", 1, 1, {"cleanup.policy": "delete"})
    assert len(list(differences(topic, partitions=partitions, settings={"cleanup.policy": policy}))) == expected


@pytest.mark.parametrize(("partitions", "expected"), [(1, 1), (2, 0), (5, 0)])
def test_somebody_may_have_added_partitions_to_a_topic_of_data(partitions: int, expected: int) -> None:
    topic = Topic("t", 2, 1, {"cleanup.policy": "delete"}, may_grow=True)
    assert len(list(differences(topic, partitions=partitions, settings=topic.settings))) == expected
