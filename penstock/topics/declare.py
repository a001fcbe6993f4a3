"""The topics of Penstock and their settings, computed from the configuration; this module talks to nobody.

No CDC, view or dead-letter topic is ever compacted (docs/contracts.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from penstock.config import ROOT, Config

AVRO_DIR = ROOT / "schemas" / "avro"
"""The contracts of the view topics: each has a `<topic>-key.avsc` and a `<topic>-value.avsc`."""

CDC_TOPICS = ("app.public.users",)
DEAD_LETTER_TOPICS = ("dead-letters.views", "dead-letters.sink")
HEARTBEAT_TOPIC = "__debezium-heartbeat.app"
REGISTRY_TOPICS = ("kafkasql-journal", "kafkasql-snapshots")
# Apicurio announces each change there; without the topic a registration hangs for 60 s and fails.
REGISTRY_EVENTS_TOPIC = "registry-events"

# The `gc_grace_seconds` of the view tables must not be shorter: a replay must still meet its tombstones.
RECORD_RETENTION = timedelta(days=7)
# A dead letter waits for a person, and only Kafka has it.
DEAD_LETTER_RETENTION = timedelta(days=90)
# Of topics whose records nobody reads again.
_SHORT_RETENTION = timedelta(hours=1)
_FOREVER = "-1"
# A row with a text of some megabytes, twice: a change carries the row before and after it.
MAX_RECORD_BYTES = 16 * 1024 * 1024


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


def view_topics() -> tuple[str, ...]:
    """Return the view topics: those whose key has a contract."""
    return tuple(sorted(path.name.removesuffix("-key.avsc") for path in AVRO_DIR.glob("views.*-key.avsc")))


def declare_topics(config: Config) -> tuple[Topic, ...]:
    """Return every topic that `up` creates, the data topics first."""
    kafka = config.kafka
    return (
        *(_kept(config, name, kafka.partitions, RECORD_RETENTION) for name in (*CDC_TOPICS, *view_topics())),
        *(_kept(config, name, 1, DEAD_LETTER_RETENTION) for name in DEAD_LETTER_TOPICS),
        *(_kept(config, name, 1, _SHORT_RETENTION) for name in (HEARTBEAT_TOPIC, REGISTRY_EVENTS_TOPIC)),
        *(_kept(config, name, 1, None) for name in REGISTRY_TOPICS),
        _compacted(config, "connect-configs", 1),
        _compacted(config, "connect-offsets", 4),
        _compacted(config, "connect-status", 2),
    )


def _kept(config: Config, name: str, partitions: int, retention: timedelta | None) -> Topic:
    retention_ms = _FOREVER if retention is None else str(int(retention / timedelta(milliseconds=1)))
    settings = {
        "cleanup.policy": "delete",
        "retention.ms": retention_ms,
        "max.message.bytes": str(MAX_RECORD_BYTES),
    }
    return Topic(name, partitions, config.kafka.replication_factor, settings)


def _compacted(config: Config, name: str, partitions: int) -> Topic:
    """Return an internal topic of Connect; a worker refuses to start when these are not compacted."""
    return Topic(name, partitions, config.kafka.replication_factor, {"cleanup.policy": "compact"})
