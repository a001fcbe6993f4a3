"""The declared topics keep the contracts' promises, and differences of existing ones are told."""

from __future__ import annotations

import pytest

from penstock.config import Config, Kafka
from penstock.topics.create import differences
from penstock.topics.declare import CDC_TOPICS, DEAD_LETTER_TOPICS, Topic, declare_topics, view_topics

TOPICS = {topic.name: topic for topic in declare_topics(Config(kafka=Kafka(partitions=3, replication_factor=2)))}


def test_no_topic_whose_records_are_the_only_word_is_compacted() -> None:
    for name in (*CDC_TOPICS, *view_topics(), *DEAD_LETTER_TOPICS, "kafkasql-journal"):
        assert TOPICS[name].cleanup_policy == "delete", name


def test_data_topics_have_the_configured_partitions_and_all_the_replicas() -> None:
    assert {TOPICS[name].partitions for name in (*CDC_TOPICS, *view_topics())} == {3}
    assert {topic.replication_factor for topic in TOPICS.values()} == {2}


def test_dead_letters_outlive_the_records_they_come_from() -> None:
    kept = {name: int(TOPICS[name].settings["retention.ms"]) for name in (*CDC_TOPICS, *DEAD_LETTER_TOPICS)}
    assert min(kept[name] for name in DEAD_LETTER_TOPICS) > max(kept[name] for name in CDC_TOPICS)


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
