"""The same figures for Prometheus, made from the newest moment whenever it asks."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from penstock.console.flow import Health, wal_retained_mb
from penstock.console.hub import Hub

_MB = 2**20


class MomentCollector(Collector):
    """Turns a moment into metrics; what nobody knows is left out, not zero."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return every metric."""
        moment = self._hub.now
        if moment.flow.freshness_s is not None:
            text = "Age of the oldest change that Cassandra does not have yet"
            yield GaugeMetricFamily("penstock_freshness_seconds", text, value=moment.flow.freshness_s)
        yield self._labelled(
            "penstock_system_up",
            "Whether a system is not away",
            "system",
            {box.key: float(box.health is not Health.DOWN) for box in moment.flow.boxes},
        )
        yield self._labelled(
            "penstock_records_per_second",
            "Records into a topic, rows into a table",
            "of",
            {name: rate for name, rate in moment.rates.items() if rate is not None},
        )
        yield self._labelled(
            "penstock_reader_behind_records",
            "Records that a reader has yet to read",
            "reader",
            {reader.name: reader.behind for reader in moment.flow.readers},
        )
        yield self._labelled(
            "penstock_reader_behind_seconds",
            "Age of the oldest record that a reader has yet to read",
            "reader",
            {reader.name: reader.seconds for reader in moment.flow.readers},
        )
        yield self._labelled(
            "penstock_slot_retained_bytes",
            "WAL that a replication slot holds back",
            "slot",
            {name: retained * _MB for name, retained in wal_retained_mb(moment.snapshot).items()},
        )
        yield self._labelled(
            "penstock_connector_running",
            "Whether a connector and all its tasks run",
            "connector",
            {each.name: float(each.is_running) for each in (moment.snapshot.connect.now or {}).values()},
        )
        yield self._labelled(
            "penstock_alert_firing",
            "Whether an alert fires",
            "alert",
            {name: float(alert.is_firing) for name, alert in moment.alerts.items()},
        )

    @staticmethod
    def _labelled(name: str, text: str, label: str, values: dict[str, float]) -> GaugeMetricFamily:
        family = GaugeMetricFamily(name, text, labels=[label])
        for key, value in values.items():
            family.add_metric([key], value)
        return family
