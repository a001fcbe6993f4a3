"""Topic, apart from `declare.py`: so a client of Kafka needs no views, and with them no Spark."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """A topic as it should be; `settings` are Kafka's topic settings by their names."""

    name: str
    partitions: int
    replication_factor: int
    settings: dict[str, str]

    @property
    def cleanup_policy(self) -> str:
        """`delete` or `compact`."""
        return self.settings["cleanup.policy"]
