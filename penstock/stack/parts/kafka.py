"""The Kafka broker: one process, broker and controller (KRaft)."""

from __future__ import annotations

import subprocess
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from penstock.brokers import librdkafka_settings, read_properties
from penstock.class_archive import server_archive_options
from penstock.config import ROOT, Config
from penstock.errors import TerminalError
from penstock.layout import SERVERS, Layout, render
from penstock.secured import ADMINISTRATOR, USER, Secrets
from penstock.stack.mode import KRAFT_DATA
from penstock.stack.part import Part
from penstock.stack.parts.java import java
from penstock.stack.parts.jmx import jmx_agent, jmx_port
from penstock.stack.parts.listeners import doors
from penstock.whole_file import write_whole

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
    properties = render(
        ROOT / "servers/kafka/server.properties",
        layout.conf("kafka") / "server.properties",
        host=section.host,
        controller_port=section.controller_port,
        data=layout.data(KRAFT_DATA),
        **doors(config),
    )
    if Secrets.of(config).exist:
        _secure(properties, config)
    return properties


def _secure(properties: Path, config: Config) -> None:
    """Let the broker ask who comes; these lines win over those of the same names above them."""
    section, secrets = config.kafka, Secrets.of(config)
    clients, controller = f"{section.host}:{section.port}", f"{section.host}:{section.controller_port}"
    settings = {
        "listeners": f"CLIENTS://{clients},CONTROLLER://{controller}",
        "advertised.listeners": f"CLIENTS://{clients}",
        "listener.security.protocol.map": "CLIENTS:SASL_SSL,CONTROLLER:SSL",
        "inter.broker.listener.name": "CLIENTS",
        "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        # The controllers know no SCRAM among themselves (KIP-900): they show their certificate.
        "listener.name.controller.ssl.client.auth": "required",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": secrets.key_and_certificate("kafka"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": secrets.ca,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{ADMINISTRATOR};User:CN=kafka",
        "listener.name.clients.scram-sha-512.sasl.jaas.config": read_properties(
            secrets.kafka_properties(ADMINISTRATOR)
        )["sasl.jaas.config"],
    }
    properties.chmod(0o600)
    lines = "".join(f"{name}={value}\n" for name, value in settings.items())
    properties.write_text(f"{properties.read_text()}\n# Of --secure.\n{lines}")


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
        users = _first_users(Secrets.of(config))
        tool, *given = java(
            "kafka.tools.StorageTool", *arguments, *users, classpath=(JARS,), heap_mb=128, options=(LOGGING,)
        )
        # By a file, as everybody on the machine sees arguments.
        file = properties.with_name("format.arguments")
        write_whole(file, "".join(f"{_quoted(each)}\n" for each in given), mode=0o600)
        done = subprocess.run([tool, f"@{file}"], check=False, capture_output=True, text=True)
        file.unlink()
        if done.returncode != 0:
            raise FormatFailed(done.stdout + done.stderr)


def _first_users(secrets: Secrets) -> list[str]:
    """Return the arguments that make the users of a secured broker."""
    if not secrets.exist:
        return []
    known = ((user, secrets.password(f"kafka-{user}")) for user in (ADMINISTRATOR, USER))
    made = (f"SCRAM-SHA-512=[name={user},password={password}]" for user, password in known)
    return [word for user in made for word in ("--add-scram", user)]


def _quoted(argument: str) -> str:
    """Write an argument as a file of Java's has it (java(1), "java Command-Line Argument Files")."""
    return '"' + argument.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _answers(config: Config) -> bool:
    try:
        AdminClient({**librdkafka_settings(config.kafka.bootstrap), "log_level": 0}).list_topics(timeout=2)
    except KafkaException:
        return False
    return True
