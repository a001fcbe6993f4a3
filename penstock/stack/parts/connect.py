"""The Kafka Connect worker (distributed mode) with Debezium, the Avro converter and our Cassandra sink."""

from __future__ import annotations

from penstock.config import ROOT, Config
from penstock.stack.layout import SERVERS, Layout, render
from penstock.stack.part import Part
from penstock.stack.parts.http import answers
from penstock.stack.parts.java import java
from penstock.stack.parts.kafka import JARS, LOGGING


def connect(config: Config, layout: Layout) -> Part:
    """Return the part; connectors find every address in its environment."""
    section = config.connect
    properties = layout.conf("connect") / "worker.properties"
    return Part(
        name="connect",
        command=java(
            "org.apache.kafka.connect.cli.ConnectDistributed",
            str(properties),
            classpath=(JARS,),
            heap_mb=section.heap_mb,
            options=(LOGGING,),
        ),
        is_ready=lambda: answers(f"{section.url}/connectors"),
        needs=("topics",),
        stops_before=("postgres", "registry", "cassandra"),
        prepare=lambda: _prepare(config, layout),
        environment=lambda: _addresses(config),
        ports={"connect.port": section.port},
    )


def _prepare(config: Config, layout: Layout) -> None:
    render(
        ROOT / "connect/worker.properties",
        layout.conf("connect") / "worker.properties",
        bootstrap=config.kafka.bootstrap,
        host=config.connect.host,
        port=config.connect.port,
        plugins=SERVERS / "plugins",
        registry=f"http://{config.registry.host}:{config.registry.port}",
        replication_factor=config.kafka.replication_factor,
    )


def _addresses(config: Config) -> dict[str, str]:
    return {
        "PENSTOCK_POSTGRES_HOST": config.postgres.host,
        "PENSTOCK_POSTGRES_PORT": str(config.postgres.port),
        "PENSTOCK_POSTGRES_USER": config.postgres.user,
        "PENSTOCK_POSTGRES_PASSWORD": config.postgres.password,
        "PENSTOCK_POSTGRES_DATABASE": config.postgres.database,
        "PENSTOCK_CASSANDRA_HOST": config.cassandra.host,
        "PENSTOCK_CASSANDRA_PORT": str(config.cassandra.port),
        "PENSTOCK_CASSANDRA_DC": config.cassandra.local_dc,
        "PENSTOCK_KAFKA_BOOTSTRAP": config.kafka.bootstrap,
        "PENSTOCK_REGISTRY_URL": f"http://{config.registry.host}:{config.registry.port}",
    }
