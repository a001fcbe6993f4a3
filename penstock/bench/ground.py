"""Ground of the sink's benchmarks: a topic, a keyspace and a connector of their own, gone when they end.

The connector has the settings of `connect/connectors/cassandra-views-sink.json`: measured is what people run.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from cassandra.cluster import Session

from penstock.bench.rows import TABLE_COLUMNS, RowWriter
from penstock.cassandra.schema import replication
from penstock.cassandra.session import open_session
from penstock.clone import ROOT
from penstock.config import Config
from penstock.connect.api import ConnectApi, ConnectorNotFound
from penstock.connect.apply import apply_connectors
from penstock.connect.files import ConnectorFile
from penstock.connect.place import place_sink
from penstock.errors import TerminalError
from penstock.pipeline.hops import records_behind
from penstock.project.connectors import declared_connectors
from penstock.registry.client import RegistryClient
from penstock.stack.parts.kafka import JARS as KAFKA_JARS
from penstock.topics.admin import TopicAdmin
from penstock.topics.topic import Topic
from penstock.wait import wait_until

NAME = "bench-sink"
TOPIC = "bench.rows"
KEYSPACE = "penstock_bench"
TABLE = "rows"
BARE_TABLE = "bare_rows"
_EMPTY_S = 60.0
_BARE_DRIVER = ROOT / "connect/cassandra-sink/bench/BareDriver.java"
_PLUGIN = ROOT / ".servers/plugins/cassandra-sink"
_BATCH = "32"
_IN_FLIGHT = "32"


class BareDriverFailed(TerminalError):
    """The yardstick could not run."""

    def __init__(self, output: str) -> None:
        super().__init__(f"{_BARE_DRIVER.name} failed: {output.strip()[:600]}")


@dataclass(frozen=True)
class Ground:
    """A connector that drains a topic into a table."""

    config: Config
    session: Session
    connect: ConnectApi
    registry: RegistryClient

    def writer(self, *, linger_ms: int) -> RowWriter:
        """Return a writer into the topic."""
        return RowWriter(self.config.kafka.bootstrap, topic=TOPIC, registry=self.registry, linger_ms=linger_ms)

    def behind(self) -> int:
        """Count the records of the topic that the connector has not committed."""
        return records_behind(self.config, topics=[TOPIC], sink=NAME)

    def pause(self) -> None:
        """Stop the connector's reading."""
        self.connect.pause(NAME)

    def resume(self) -> None:
        """Let the connector read on."""
        self.connect.resume(NAME)

    def empty(self) -> None:
        """Take all rows out of both tables, also what Cassandra would still write of them to its disk."""
        for table in (TABLE, BARE_TABLE):
            self.session.execute(f"TRUNCATE {KEYSPACE}.{table}", timeout=_EMPTY_S)

    def bare_driver(self, rows: int) -> int:
        """Write rows with nothing but the Java driver; return the rows per second.

        :raises BareDriverFailed: with what it printed.
        """
        section = self.config.cassandra
        where = (section.host, str(section.port), section.local_dc, f"{KEYSPACE}.{BARE_TABLE}")
        # The plugin leaves out what a worker has: the logging API.
        classpath = ":".join([f"{_PLUGIN}/*", *map(str, KAFKA_JARS.glob("slf4j-api-*.jar"))])
        command = ["java", "-Xmx512m", "-cp", classpath, str(_BARE_DRIVER), *where, str(rows), _BATCH, _IN_FLIGHT]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BareDriverFailed(done.stdout + done.stderr)
        return int(done.stdout.split()[-1])


@contextmanager
def bench_ground(config: Config, *, partitions: int = 1) -> Iterator[Ground]:
    """Set up topic, tables and the running connector, a task for each partition; remove all of it at the end."""
    admin = TopicAdmin(config.kafka.bootstrap)
    with (
        open_session(config) as session,
        ConnectApi(config.connect.url) as connect,
        RegistryClient(config.registry.url) as registry,
    ):
        ground = Ground(config, session, connect, registry)
        _remove(ground, admin)
        try:
            _create_tables(ground)
            admin.create([Topic(TOPIC, partitions, config.kafka.replication_factor, {"cleanup.policy": "delete"})])
            ground.writer(linger_ms=0)  # registers the schemas
            connector = _connector(config, tasks=partitions)
            place_sink(admin, connect, connector, on_loss=lambda _: None)
            apply_connectors(connect, files=[connector])
            yield ground
        finally:
            _remove(ground, admin)


def _connector(config: Config, *, tasks: int) -> ConnectorFile:
    (product,) = declared_connectors(config, names=[config.names.sink])
    kept = {key: value for key, value in product.config.items() if not key.startswith("topic")}
    mapping = "*, row_version=header.version, __timestamp=header.version"
    own = {"tasks.max": str(tasks), "topics": TOPIC, f"topic.{TOPIC}.{KEYSPACE}.{TABLE}.mapping": mapping}
    return ConnectorFile(NAME, kept | own)


def _create_tables(ground: Ground) -> None:
    ground.session.execute(f"CREATE KEYSPACE {KEYSPACE} WITH replication = {replication(ground.config.cassandra)}")
    for table in (TABLE, BARE_TABLE):
        ground.session.execute(f"CREATE TABLE {KEYSPACE}.{table} ({TABLE_COLUMNS})")


def _remove(ground: Ground, admin: TopicAdmin) -> None:
    with suppress(ConnectorNotFound):
        ground.connect.delete(NAME)
    # The worker ends the connector's task, and with it the group's last member, a moment later.
    wait_until(lambda: admin.delete_group(f"connect-{NAME}"), timeout_s=60, what=f"group connect-{NAME} is empty")
    admin.delete([TOPIC])
    for part in ("key", "value"):
        ground.registry.delete_subject(f"{TOPIC}-{part}")
    ground.session.execute(f"DROP KEYSPACE IF EXISTS {KEYSPACE}")
