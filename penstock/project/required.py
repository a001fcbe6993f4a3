"""Settings that the connector files must have, since the promises rest on them, each with its reason.

Every other setting, such as numbers of tasks and sizes of batches, belongs to the user.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from penstock.connect.files import ConnectorFile, ConnectorFileInvalid, place_of
from penstock.connect.heartbeat import HEARTBEAT_S
from penstock.installation import Names
from penstock.sizes import DEAD_LETTER_BYTES, RECORD_BYTES

_FILES = Names()
"""The names in the files, whatever those of the installation are (`project/connectors.py`)."""
MAPPING = "*, row_version=header.version, __timestamp=header.version"
MAPPING_KEY = re.compile(rf"topic\.{re.escape(_FILES.view_topics)}(\w+)\.{_FILES.keyspace}\.\w+\.mapping\Z")

_TYPES = "the contracts have each type in this form"
_SKIPPED = "otherwise a change that cannot be read is skipped"
_LETTER = "the control center and `status` read dead letters there"
_SOURCE = {
    "connector.class": (
        "dev.penstock.postgres.PostgresSourceConnector",
        "Debezium's own class hashes no column and knows no table of `views apply`",
    ),
    "exactly.once.support": ("required", "otherwise a crash loses or repeats changes"),
    "plugin.name": ("pgoutput", "the others send tables that are not published"),
    "publication.autocreate.mode": ("disabled", "`penstock up` publishes the tables of the views"),
    "message.prefix.exclude.list": (".*", "messages of the log have no topic, and the source would wait for one"),
    "slot.failover": ("true", "otherwise a promoted standby lacks the slot"),
    "snapshot.mode": ("initial", "otherwise rows of before the slot are missing, or rows are read without need"),
    "offset.mismatch.strategy": ("trust_offset", "the source judges its place itself"),
    "heartbeat.interval.ms": (f"{HEARTBEAT_S * 1000:.0f}", "`status` takes a source without it for one that hangs"),
    "heartbeat.action.query": (
        "SELECT pg_logical_emit_message(false, 'penstock-heartbeat', '')",
        "otherwise a quiet database keeps the WAL of its server until the slot is lost",
    ),
    "signal.enabled.channels": ("source", "re-reads are asked for in penstock.signals"),
    "notification.enabled.channels": ("penstock", "otherwise nobody learns how a re-read ended"),
    "decimal.handling.mode": ("string", _TYPES),
    "time.precision.mode": ("adaptive_time_microseconds", _TYPES),
    "interval.handling.mode": ("string", _TYPES),
    "datatype.propagate.source.type": (".*", "the engine reads the columns' types there"),
    "event.converting.failure.handling.mode": ("fail", _SKIPPED),
    "event.processing.failure.handling.mode": ("fail", _SKIPPED),
    "errors.tolerance": ("none", _SKIPPED),
    "schema.name.adjustment.mode": ("avro", "the contracts name fields by its rule"),
    "tombstones.on.delete": ("false", "a delete is one record, with the row that it deletes"),
    "errors.retry.timeout": ("-1", "otherwise the source fails while the registry is away"),
    "producer.override.linger.ms": ("2147483647", "otherwise a commit may leave a record behind (decision 0005)"),
    "producer.override.max.request.size": (str(RECORD_BYTES), "the topics take records of this size"),
    "producer.override.partitioner.class": (
        "dev.penstock.postgres.KeyPartitioner",
        "otherwise a new schema of the key moves its rows to other partitions",
    ),
    "transforms": ("epoch", "the jobs read the epoch of each record"),
    "transforms.epoch.type": ("org.apache.kafka.connect.transforms.InsertHeader", "the jobs read that header"),
    "transforms.epoch.header": ("epoch", "the jobs read that header"),
}
_SINK = {
    "connector.class": (
        "dev.penstock.cassandra.sink.CassandraSinkConnector",
        "others do not write by the version of a row",
    ),
    "header.converter": ("org.apache.kafka.connect.storage.StringConverter", "the version of a row is a text"),
    "errors.retry.timeout": ("-1", "otherwise records become dead letters while the registry is away"),
    "errors.tolerance": ("all", "otherwise one row that Cassandra refuses stops all views"),
    "errors.deadletterqueue.topic.name": (_FILES.dead_letter_topics[1], _LETTER),
    "errors.deadletterqueue.context.headers.enable": ("true", _LETTER),
    "producer.override.max.request.size": (str(DEAD_LETTER_BYTES), "a dead letter holds a whole record"),
    "consumer.override.isolation.level": ("read_committed", "otherwise records of a failed transaction are written"),
    "consumer.override.auto.offset.reset": ("none", "otherwise the sink skips deleted records silently"),
}


def settings_of_source(names: Names) -> dict[str, str]:
    """Return the settings of a source's connector that hold a name."""
    return {
        "topic.prefix": names.topic_prefix,
        "slot.name": names.slot,
        "publication.name": names.publication,
        "signal.data.collection": names.signals,
        "notification.sink.topic.name": names.notifications_topic,
    }


def lacking(config: Mapping[str, str], source: str | None) -> dict[str, str]:
    """Return the settings that a connector must have and does not have.

    :param source: whose connector this is; None for the sink.
    """
    return {key: value for key, (value, _) in _required(config, source).items() if key not in config}


def completed(path: Path, file: ConnectorFile, source: str | None) -> ConnectorFile:
    """Return a connector of ours with the settings that its file lacks.

    :raises ConnectorFileInvalid: it says otherwise than it must, with the place, the value it must have, and why.
    """
    wrong = list(_wrong(path.read_text(encoding="utf-8"), file.config, source))
    if wrong:
        raise ConnectorFileInvalid(path, wrong)
    return ConnectorFile(file.name, lacking(file.config, source) | file.config)


def _required(config: Mapping[str, str], source: str | None) -> dict[str, tuple[str, str]]:
    if source is None:
        mapped = {key: (MAPPING, "an older row would win over a newer one") for key in config if MAPPING_KEY.match(key)}
        return _SINK | mapped
    named = settings_of_source(_FILES.of_source(source)).items()
    return _SOURCE | {key: (value, "all commands know it by this name (docs/contracts.md)") for key, value in named}


def _wrong(text: str, config: Mapping[str, str], source: str | None) -> Iterator[str]:
    for key, (must, why) in _required(config, source).items():
        said = config.get(key, must)
        # A list may have more: another transform, another channel.
        if must not in (said, *map(str.strip, said.split(","))):
            yield f'{place_of(text, key)}: "{key}" is "{said}" and must be "{must}": {why}'
