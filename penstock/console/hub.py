"""Puts the collectors together: one sampler each, the recorder over them, and the clients that services share."""

from __future__ import annotations

import time
from typing import Any

from penstock.clone import ROOT
from penstock.config import Config
from penstock.connect.api import ConnectApi
from penstock.console.look.airflow import AirflowCollector
from penstock.console.look.cassandra import CassandraCollector
from penstock.console.look.connect import ConnectCollector
from penstock.console.look.declared import DeclaredReader
from penstock.console.look.ends import EndsCollector
from penstock.console.look.http import TIMEOUT_S
from penstock.console.look.kafka import GroupState, KafkaCollector
from penstock.console.look.parts import PartsCollector
from penstock.console.look.postgres import SourcesCollector
from penstock.console.look.registry import RegistryCollector
from penstock.console.look.sampler import Sampler
from penstock.console.look.snapshot import OF_LOADS, KafkaView, Snapshot
from penstock.console.look.source_api import collect_api
from penstock.console.look.spark import SparkCollector
from penstock.console.moment.lag import LagWatch
from penstock.console.moment.recorder import Moment, Recorder, rules_of
from penstock.console.records.records import RecordReader
from penstock.console.safety.guard import Guard
from penstock.console.safety.mask import Mask
from penstock.layout import Layout
from penstock.offsets import Place
from penstock.project.folders import sources_of
from penstock.registry.client import RegistryClient
from penstock.registry.decode import AvroDecoder


class Hub:
    """Everything of one console; nothing is asked of any system before `start`."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.layout = Layout.of(config)
        self.mask = Mask(config.console.masked)
        self.guard = Guard(self.layout.state / "console", write=config.console.write)
        self.registry = RegistryClient(config.registry.url, timeout_s=TIMEOUT_S)
        self.decoder = AvroDecoder(self.registry)
        self.reader = RecordReader(self.decoder, self.mask)
        self.connect = ConnectApi(config.connect.url, timeout_s=10)
        self.kafka = KafkaCollector(config)
        self.cassandra = CassandraCollector(config)
        self.lag = LagWatch(self.registry)
        self._ends = EndsCollector(config, on_records=self.lag.take)
        self._samplers = self._build_samplers()
        firing = self.layout.state / "console" / "firing.json"
        self.recorder = Recorder(self.snapshot, rules=rules_of(ROOT / config.console.alerts), firing=firing)

    def start(self) -> None:
        """Begin to look at everything."""
        for name, sampler in self._samplers.items():
            if self.config.airflow.enabled or name not in OF_LOADS:
                sampler.start()
        self.recorder.start()

    def stop(self) -> None:
        """Let all threads end."""
        self.recorder.stop()
        for sampler in self._samplers.values():
            sampler.stop()

    @property
    def now(self) -> Moment:
        """The newest moment."""
        return self.recorder.moment

    def snapshot(self) -> Snapshot:
        """Return what each sampler saw last; waits for nothing."""
        readings = {name: sampler.reading for name, sampler in self._samplers.items()}
        sources = tuple(each.names for each in sources_of(self.config))
        return Snapshot(
            at=time.time(),
            names=self.config.names,
            sources=sources,
            shares_connect=not self.config.connect.managed,
            has_loads=self.config.airflow.enabled,
            **readings,
        )

    def _build_samplers(self) -> dict[str, Sampler[Any]]:
        config = self.config
        connect = ConnectCollector(config).collect
        return {
            "declared": Sampler("declarations", DeclaredReader(config).read, interval_s=5, stale_after_s=90),
            "parts": Sampler("supervisor", PartsCollector(config).collect, interval_s=2),
            "api": Sampler("API", lambda: collect_api(config), interval_s=5),
            "airflow": Sampler("Airflow", AirflowCollector(config).collect, interval_s=4, stale_after_s=16),
            "postgres": Sampler("Postgres", SourcesCollector(config).collect, interval_s=1, stale_after_s=3),
            "connect": Sampler("Kafka Connect", connect, interval_s=1, stale_after_s=3),
            "kafka": Sampler("Kafka", self._look_at_kafka, interval_s=1, stale_after_s=4),
            "groups": Sampler("consumer groups", self._look_at_groups, interval_s=1, stale_after_s=4),
            "registry": Sampler("Schema Registry", RegistryCollector(config).collect, interval_s=15),
            "spark": Sampler("Spark", SparkCollector(config).collect, interval_s=1, stale_after_s=4),
            "cassandra": Sampler("Cassandra", self.cassandra.collect, interval_s=1, stale_after_s=4),
        }

    def _look_at_kafka(self) -> KafkaView:
        cluster = self.kafka.topics()
        declared = self._samplers["declared"].reading.value
        heartbeats = (each.names.heartbeat_topic for each in sources_of(self.config))
        followed = {*self.config.names.dead_letter_topics, *heartbeats}
        if declared is not None:
            followed |= {*declared.source_topics, *(view.topic for view in declared.views)}
            self.lag.watch(declared.views)
        ends: dict[Place, tuple[int, int]] = {
            (name, partition.number): (partition.beginning, partition.end)
            for name in followed & cluster.topics.keys()
            for partition in cluster.topics[name].partitions
            if partition.is_led
        }
        lags = [lag for reader in self.now.flow.readers for lag in reader.lags if lag.behind]
        return KafkaView(
            cluster, self._ends.collect(ends, [((lag.topic, lag.partition), lag.position) for lag in lags])
        )

    def _look_at_groups(self) -> dict[str, GroupState]:
        groups = self.kafka.groups()
        if sink := groups.get(self.config.names.sink_group):
            self.lag.written(sink.committed, time.time())
        return groups
