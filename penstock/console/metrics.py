"""The same figures for Prometheus, made from the newest moment whenever it asks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from penstock.connect.api import State
from penstock.console.hub import Hub
from penstock.console.look.connect import ConnectorView
from penstock.console.look.snapshot import Snapshot
from penstock.console.moment.map import Health, is_of_pipeline, wal_retained_mb
from penstock.console.moment.recorder import Moment

_MB = 2**20
_LOST = {"lost", "unreserved"}
Metrics = Iterator[GaugeMetricFamily]


class MomentCollector(Collector):
    """Turns a moment into metrics; what nobody knows is left out, not zero."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def collect(self) -> Metrics:
        """Return every metric."""
        moment, config = self._hub.now, self._hub.config
        yield from _flow(moment)
        yield from _systems(moment)
        yield from _readers(moment)
        yield from _slots(moment.snapshot)
        yield from _connectors(moment.snapshot.connectors)
        yield from _kafka(moment.snapshot)
        yield from _disk(config.state_dir)


def _flow(moment: Moment) -> Metrics:
    if moment.flow.freshness_s is not None:
        text = "Age of the oldest change that Cassandra does not have yet"
        yield GaugeMetricFamily("penstock_freshness_seconds", text, value=moment.flow.freshness_s)
    rates = {name: rate for name, rate in moment.rates.items() if rate is not None}
    yield _of("penstock_records_per_second", "Records into a topic, rows into a table", "of", rates)
    alerts = {name: float(alert.is_firing) for name, alert in moment.alerts.items()}
    yield _of("penstock_alert_firing", "Whether an alert of the control center fires", "alert", alerts)


def _systems(moment: Moment) -> Metrics:
    boxes = {box.key: float(box.health is not Health.DOWN) for box in moment.flow.boxes}
    yield _of("penstock_system_up", "Whether a system is not away", "system", boxes)
    parts = {name: float(part.runs) for name, part in (moment.snapshot.parts.now or {}).items()}
    yield _of("penstock_part_running", "Whether a part's process runs", "part", parts)
    if spark := moment.snapshot.spark.now:
        text = "Faults of Spark's jobs and stopped views, which `penstock status` names"
        yield GaugeMetricFamily("penstock_job_troubles", text, value=len(spark.troubles))


def _readers(moment: Moment) -> Metrics:
    readers = [each for each in moment.flow.readers if is_of_pipeline(moment.snapshot, each)]
    by_name = {reader.name: reader for reader in moment.flow.readers}
    behind = {name: reader.behind for name, reader in by_name.items()}
    yield _of("penstock_reader_behind_records", "Records that a reader has yet to read", "reader", behind)
    seconds = {name: reader.seconds for name, reader in by_name.items()}
    text = "Age of the oldest record that a reader has yet to read"
    yield _of("penstock_reader_behind_seconds", text, "reader", seconds)
    position = {each.name: sum(lag.position for lag in each.lags) for each in readers}
    text = "Offsets that a reader of the pipeline has read, summed over its partitions"
    yield _of("penstock_reader_position", text, "reader", position)
    every = {each.name: each.known_every_s for each in readers}
    text = "How old the position of a reader of the pipeline may be, and with it how far behind it seems"
    yield _of("penstock_reader_known_every_seconds", text, "reader", every)


def _slots(snapshot: Snapshot) -> Metrics:
    retained = {name: held * _MB for name, held in wal_retained_mb(snapshot).items()}
    yield _of("penstock_slot_retained_bytes", "WAL that a replication slot holds back", "slot", retained)
    if (postgres := snapshot.postgres.now) is None:
        return
    ours = {slot.name: slot for slot in postgres.slots}
    names = [each.slot for each in snapshot.sources if each.slot in ours or each.source not in postgres.away]
    active = {name: float(name in ours and ours[name].active) for name in names}
    yield _of("penstock_slot_active", "Whether the source connector reads its slot", "slot", active)
    usable = {name: float(name in ours and ours[name].wal_status not in _LOST) for name in names}
    text = "Whether the slot exists and holds every change that was not read"
    yield _of("penstock_slot_usable", text, "slot", usable)


def _connectors(known: Sequence[ConnectorView]) -> Metrics:
    running = {each.name: float(each.is_running) for each in known}
    yield _of("penstock_connector_running", "Whether a connector and all its tasks run", "connector", running)
    failed = {each.name: float(sum(task.state == State.FAILED for task in each.tasks)) for each in known}
    text = "How many of a connector and its tasks have failed"
    yield _of("penstock_connector_failed", text, "connector", failed)


def _kafka(snapshot: Snapshot) -> Metrics:
    if (kafka := snapshot.kafka.now) is None:
        return
    topics = kafka.cluster.topics
    letters = {name: topics[name].held for name in snapshot.names.dead_letter_topics if name in topics}
    yield _of("penstock_dead_letters", "Offsets that a dead-letter topic holds", "topic", letters)
    text = "Partitions without a leader, or with a replica that is not in sync"
    yield GaugeMetricFamily("penstock_partitions_incomplete", text, value=len(kafka.cluster.incomplete))


def _disk(folder: Path) -> Metrics:
    if not folder.exists():
        return
    usage = shutil.disk_usage(folder)
    free, size = "Room on the disk of the state folder", "Size of the disk of the state folder"
    yield GaugeMetricFamily("penstock_disk_free_bytes", free, value=usage.free)
    yield GaugeMetricFamily("penstock_disk_size_bytes", size, value=usage.total)


def _of(name: str, text: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
