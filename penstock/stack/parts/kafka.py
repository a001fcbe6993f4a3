"""The Kafka broker: one process, broker and controller (KRaft)."""

from __future__ import annotations

import subprocess
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from penstock.class_archive import server_archive_options
from penstock.config import ROOT, Config
from penstock.errors import TerminalError
from penstock.layout import SERVERS, Layout, render
from penstock.stack.mode import KRAFT_DATA
from penstock.stack.part import Part
from penstock.stack.parts.java import java
from penstock.stack.parts.jmx import jmx_agent, jmx_port
from penstock.stack.parts.listeners import doors

JARS = SERVERS / "kafka"
JMX_RULES = ROOT / "servers/kafka/jmx.yml"
LOGGING = f"-Dlog4j2.configurationFile={ROOT / 'servers/kafka/log4j2.properties'}"


class FormatFailed(TerminalError):
    """Kafka's storage tool could not format the log folder."""

    def __init__(self, output: str) -> None:
        super().__init__(f"Kafka's storage could not be formatted:\n{output}")


def kafka(config: Config, layout: Layout) -> Part:
    """Return the part; `prepare` formats the log folder once."""
    section = config.kafka
    properties = layout.conf("kafka") / "server.properties"
    archive = server_archive_options("kafka", may_record=section.metrics_port is None)
    return Part(
        name="kafka",
        command=java(
            "kafka.Kafka",
            str(properties),
            classpath=(JARS,),
            heap_mb=section.heap_mb,
            options=(*archive, LOGGING, *jmx_agent(section.metrics_port, JMX_RULES)),
        ),
        is_ready=lambda: _answers(config),
        prepare=lambda: _prepare(config, layout),
        ports={
            "kafka.port": section.port,
            "kafka.controller_port": section.controller_port,
            **jmx_port("kafka", section.metrics_port),
        },
    )


def render_properties(config: Config, layout: Layout) -> Path:
    """Write the broker's configuration; return its file."""
    section = config.kafka
    return render(
        ROOT / "servers/kafka/server.properties",
        layout.conf("kafka") / "server.properties",
        host=section.host,
        controller_port=section.controller_port,
        data=layout.data(KRAFT_DATA),
        **doors(config),
    )


def new_cluster_id() -> str:
    """Return 22 characters of URL-safe base64, as `Uuid.randomUuid` of Kafka does.

    None begins with `-`, as one in 64 would: Kafka's tools take such an argument for an option.
    """
    while (made := urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return made


def _prepare(config: Config, layout: Layout) -> None:
    data, properties = layout.data(KRAFT_DATA), render_properties(config, layout)
    if not (data / "meta.properties").exists():
        arguments = ("format", "--cluster-id", new_cluster_id(), "--standalone", "--config", str(properties))
        command = java("kafka.tools.StorageTool", *arguments, classpath=(JARS,), heap_mb=128, options=(LOGGING,))
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise FormatFailed(done.stdout + done.stderr)


def _answers(config: Config) -> bool:
    try:
        AdminClient({"bootstrap.servers": config.kafka.bootstrap, "log_level": 0}).list_topics(timeout=2)
    except KafkaException:
        return False
    return True
