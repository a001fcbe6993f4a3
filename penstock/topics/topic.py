"""Topic as it is declared, apart from `declare.py`: the engine's clients of Kafka know no configuration."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """A topic as it should be.

    :param settings: Kafka's topic settings by their names.
    :param may_grow: somebody may have added partitions. They stay empty: a key keeps to those of its epoch
        (KeyPartitioner.java).
    """

    name: str
    partitions: int
    replication_factor: int
    settings: dict[str, str]
    may_grow: bool = False

    @property
    def cleanup_policy(self) -> str:
        """`delete` or `compact`."""
        return self.settings["cleanup.policy"]
