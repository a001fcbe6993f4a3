"""The Kafka brokers: each is one process, broker and controller (KRaft)."""

from __future__ import annotations

import json
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penstock.brokers import Brokers, librdkafka_settings, read_properties
from penstock.class_archive import server_archive_options
from penstock.clone import ROOT
from penstock.config import Config
from penstock.errors import TerminalError
from penstock.instances import name_of
from penstock.layout import SERVERS, Layout, render
from penstock.secured import ADMINISTRATOR, USER, Secrets
from penstock.stack.mode import KRAFT_DATA
from penstock.stack.part import Part
from penstock.stack.parts.java import java
from penstock.stack.parts.jmx import jmx_agent, jmx_port
from penstock.stack.parts.listeners import doors
from penstock.whole_file import write_once, write_whole

JARS = SERVERS / "kafka"
JMX_RULES = ROOT / "servers/kafka/jmx.yml"
LOGGING = f"-Dlog4j2.configurationFile={ROOT / 'servers/kafka/log4j2.properties'}"


class FormatFailed(TerminalError):
    """Kafka's storage tool could not format the log folder."""

    def __init__(self, output: str) -> None:
        super().__init__(f"Kafka's storage could not be formatted:\n{output}")


def kafka(config: Config, layout: Layout, *, number: int = 1) -> Part:
    """Return the part; `prepare` formats the log folder once.

    :param number: of the broker.
    """
    section, name = config.kafka, name_of("kafka", number)
    host = section.own_hosts[number - 1]
    properties = layout.conf(name) / "server.properties"
    archive = server_archive_options("kafka", may_record=section.metrics_port is None and number == 1)
    return Part(
        name=name,
        command=java(
            "kafka.Kafka",
            str(properties),
            classpath=(JARS,),
            heap_mb=section.heap_mb,
            options=(*archive, LOGGING, *jmx_agent(section.metrics_port, JMX_RULES, number)),
        ),
        is_ready=lambda: _answers(config, f"{host}:{section.port}"),
        prepare=lambda: _prepare(config, layout, number),
        runs=(JARS, ROOT / "servers/kafka"),
        host=host,
        ports={
            "kafka.port": section.port,
            "kafka.controller_port": section.controller_port,
            **jmx_port("kafka", section.metrics_port),
        },
    )


def render_properties(config: Config, layout: Layout, number: int = 1) -> Path:
    """Write a broker's configuration; return its file."""
    section = config.kafka
    host = section.own_hosts[number - 1]
    properties = render(
        ROOT / "servers/kafka/server.properties",
        layout.conf(name_of("kafka", number)) / "server.properties",
        host=host,
        controller_port=section.controller_port,
        data=layout.data(name_of(KRAFT_DATA, number)),
        **doors(config, number),
    )
    if section.brokers > 1:
        _join(properties, config, number)
    if Secrets.of(config).exist:
        _secure(properties, config)
    return properties


def _join(properties: Path, config: Config, number: int) -> None:
    """Let the broker be one of several; these lines win over those of the same names above them."""
    section = config.kafka
    copies, least = section.replication_factor, section.min_insync_replicas
    settings = {
        "node.id": number,
        "controller.quorum.bootstrap.servers": ",".join(
            f"{host}:{section.controller_port}" for host in section.own_hosts
        ),
        "default.replication.factor": copies,
        "min.insync.replicas": least,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": least,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": least,
        # With Kafka's own 2 s and 1 s, controllers that share two busy processors elect each other over and over.
        "controller.quorum.fetch.timeout.ms": 5000,
        "controller.quorum.election.timeout.ms": 2000,
    }
    _append(properties, "Of several brokers", settings)


def _append(properties: Path, title: str, settings: Mapping[str, object]) -> None:
    lines = "".join(f"{name}={value}\n" for name, value in settings.items())
    properties.write_text(f"{properties.read_text()}\n# {title}.\n{lines}")


def _secure(properties: Path, config: Config) -> None:
    """Let the broker ask who comes; these lines win over those of the same names above them."""
    section, secrets = config.kafka, Secrets.of(config)
    jaas = read_properties(secrets.kafka_properties(ADMINISTRATOR))["sasl.jaas.config"]
    clients = {name: listed.replace("PLAINTEXT:", "CLIENTS:") for name, listed in doors(config).items()}
    settings = {
        "listeners": f"{clients['listeners']},CONTROLLER://{section.host}:{section.controller_port}",
        "advertised.listeners": clients["advertised"],
        "listener.security.protocol.map": "CLIENTS:SASL_SSL,HOST:SASL_SSL,CONTROLLER:SSL",
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
        **{f"listener.name.{door}.scram-sha-512.sasl.jaas.config": jaas for door in ("clients", "host")},
    }
    properties.chmod(0o600)
    _append(properties, "Of --secure", settings)


def new_cluster_id() -> str:
    """Return 22 characters of URL-safe base64, as `Uuid.randomUuid` of Kafka does.

    None begins with `-`, as one in 64 would: Kafka's tools take such an argument for an option.
    """
    while (made := urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return made


def _prepare(config: Config, layout: Layout, number: int) -> None:
    data, properties = layout.data(name_of(KRAFT_DATA, number)), render_properties(config, layout, number)
    if not (data / "meta.properties").exists():
        arguments = ("format", "--config", str(properties), *_quorum(config, layout))
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


def _quorum(config: Config, layout: Layout) -> tuple[str, ...]:
    """Return the arguments that say which controllers begin together; brokers of one cluster are given the same."""
    section = config.kafka
    if section.brokers == 1:
        return ("--cluster-id", new_cluster_id(), "--standalone")
    ids = _ids_of_cluster(layout, section.brokers)
    controllers = (
        f"{number}@{host}:{section.controller_port}:{folder}"
        for number, (host, folder) in enumerate(zip(section.own_hosts, ids["folders"], strict=True), start=1)
    )
    return ("--cluster-id", ids["cluster"], "--initial-controllers", ",".join(controllers))


def _ids_of_cluster(layout: Layout, brokers: int) -> dict[str, Any]:
    """Return the id of the cluster, and of each broker's log folder; made once, by whichever broker is first."""
    file = layout.data(KRAFT_DATA).with_name("kafka-cluster.json")
    made = {"cluster": new_cluster_id(), "folders": [new_cluster_id() for _ in range(brokers)]}
    write_once(file, json.dumps(made))
    known: dict[str, Any] = json.loads(file.read_text())
    return known


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


def _answers(config: Config, address: str) -> bool:
    """Ask this broker, and no other."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    asked = Brokers(address, config.kafka.bootstrap.properties_file)
    try:
        AdminClient({**librdkafka_settings(asked), "log_level": 0}).list_topics(timeout=2)
    except KafkaException:
        return False
    return True
