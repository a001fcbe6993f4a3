"""The Kafka broker of those who still have ZooKeeper: 3.9, the last line that registers there."""

from __future__ import annotations

from penstock.clone import ROOT
from penstock.config import Config
from penstock.layout import Layout, render
from penstock.stack.mode import REGISTERED_DATA
from penstock.stack.part import Part
from penstock.stack.parts.java import java
from penstock.stack.parts.jmx import jmx_agent, jmx_port
from penstock.stack.parts.kafka import JMX_RULES
from penstock.stack.parts.listeners import doors
from penstock.stack.parts.zookeeper import JARS, LOGGING

_NO_CONTROLLER = -1


def kafka_zookeeper(config: Config, layout: Layout) -> Part:
    """Return the part, which is called `kafka` as in the other mode: nothing else needs to know.

    A broker that was killed leaves its registration in ZooKeeper until its session ends. The next one that comes
    sooner dies of it (NodeExists) and is restarted by the supervisor.
    """
    section = config.kafka
    properties = layout.conf("kafka") / "server.properties"
    return Part(
        name="kafka",
        command=java(
            "kafka.Kafka",
            str(properties),
            classpath=(JARS,),
            heap_mb=section.heap_mb,
            options=(LOGGING, *jmx_agent(section.metrics_port, JMX_RULES)),
        ),
        is_ready=lambda: _has_controller(config),
        needs=("zookeeper",),
        prepare=lambda: _prepare(config, layout),
        host=section.host,
        runs=(JARS, ROOT / "servers/kafka-3.9"),
        ports={"kafka.port": section.port, **jmx_port("kafka", section.metrics_port)},
    )


def _prepare(config: Config, layout: Layout) -> None:
    render(
        ROOT / "servers/kafka-3.9/server.properties",
        layout.conf("kafka") / "server.properties",
        zookeeper=config.zookeeper.address,
        data=layout.data(REGISTERED_DATA),
        **doors(config),
    )


def _has_controller(config: Config) -> bool:
    """Return whether the broker answers and is the controller: until it was elected, it knows of no topic."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    try:
        metadata = AdminClient({"bootstrap.servers": config.kafka.bootstrap, "log_level": 0}).list_topics(timeout=2)
    except KafkaException:
        return False
    return bool(metadata.controller_id != _NO_CONTROLLER)
