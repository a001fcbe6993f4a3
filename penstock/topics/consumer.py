"""Opens consumers that only look on: they join no group and commit nothing."""

from __future__ import annotations

from confluent_kafka import Consumer

from penstock.brokers import librdkafka_settings
from penstock.topics.admin import silent_logger

# On an exactly-once topic every transaction leaves a marker, so at most about half of the offsets are records.
OFFSETS_PER_RECORD = 3

Settings = dict[str, str | int | float | bool]

TO_THE_END: Settings = {"enable.partition.eof": True, "fetch.wait.max.ms": 50}
"""For who reads up to the end: a broker waits that long for another record before it says that there is none. By
librdkafka's default it waits half a second, at the end of each partition."""


def open_consumer(bootstrap: str, *, group: str, more: Settings | None = None) -> Consumer:
    """Open a consumer of committed records.

    :param bootstrap: `host:port` of a broker.
    :param group: whose offsets can be asked for; librdkafka wants one in any case.
    :param more: further settings of librdkafka.
    """
    settings: Settings = {
        **librdkafka_settings(bootstrap),
        "group.id": group,
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
        "log_level": 0,
    }
    return Consumer({**settings, **(more or {})}, logger=silent_logger())
