"""The name that a new Kafka cluster is given."""

from __future__ import annotations

from penstock.stack.parts.kafka import new_cluster_id


def test_no_tool_of_kafka_takes_a_cluster_id_for_an_option() -> None:
    # Of 2,000 made without care 31 begin with a dash.
    ids = {new_cluster_id() for _ in range(2000)}
    assert len(ids) == 2000
    assert {len(made) for made in ids} == {22}
    assert not [made for made in ids if made.startswith("-")]
