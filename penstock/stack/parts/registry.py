"""The Schema Registry (Apicurio, which speaks Confluent's API too); it keeps its data in Kafka."""

from __future__ import annotations

from pathlib import Path

from penstock.brokers import java_settings
from penstock.class_archive import server_archive_options
from penstock.config import Config
from penstock.http_client import answers
from penstock.installation import DEFAULT
from penstock.layout import SERVERS, Layout
from penstock.secured import USER, Secrets
from penstock.stack.part import Part

_JAR = SERVERS / "registry" / "apicurio-registry-app-3.0.9-runner.jar"


def registry(config: Config, layout: Layout) -> Part:
    """Return the part; its two topics must exist before it starts."""
    section = config.registry
    settings = {
        "quarkus.http.host": section.host,
        "quarkus.http.port": section.port,
        "apicurio.storage.kind": "kafkasql",
        "apicurio.kafkasql.bootstrap.servers": config.kafka.bootstrap,
        "apicurio.kafkasql.topic.auto-create": "false",
        "apicurio.storage.snapshot.location": layout.data("registry"),
    }
    if config.name != DEFAULT:  # its own are the default's
        journal, snapshots = config.names.registry_topics
        settings |= {"apicurio.kafkasql.topic": journal, "apicurio.kafkasql.snapshots.topic": snapshots}
        settings["apicurio.events.kafka.topic"] = config.names.registry_events
    heap = (
        f"-Xms{section.heap_mb // 4}m",
        f"-Xmx{section.heap_mb}m",
        "-XX:+UseSerialGC",
        # It answers a few requests a minute: the first compiler is enough, and it starts with half of the work.
        "-XX:TieredStopAtLevel=1",
        "-XX:+ExitOnOutOfMemoryError",
    )
    properties = layout.conf("registry") / "kafka.properties"
    if config.kafka.bootstrap.properties_file or Secrets.of(config).exist:
        settings["smallrye.config.locations"] = properties
    options = tuple(f"-D{name}={value}" for name, value in settings.items())
    return Part(
        name="registry",
        command=("java", *heap, *server_archive_options("registry"), *options, "-jar", str(_JAR)),
        # Until it has read its journal it answers as if there were no subjects, and is not ready by its own word.
        is_ready=lambda: answers(section.at("/health/ready")),
        needs=("topics",),
        prepare=lambda: _prepare(config, layout.data("registry"), properties),
        host=section.host,
        runs=(SERVERS / "registry",),
        ports={"registry.port": section.port},
    )


def _prepare(config: Config, data: Path, properties: Path) -> None:
    data.mkdir(parents=True, exist_ok=True)
    properties.parent.mkdir(parents=True, exist_ok=True)
    let_in = java_settings(config.kafka.bootstrap, "apicurio.kafka.common.")
    lines = "".join(f"{name}={value}\n" for name, value in let_in.items())
    # Quarkus would resolve the references itself: the backslash leaves them to Kafka's clients.
    text = lines.replace("${", r"\\${")
    properties.touch(mode=0o600)
    properties.write_text(text + (_asking(config, Secrets.of(config)) if Secrets.of(config).exist else ""))


def _asking(config: Config, secrets: Secrets) -> str:
    """Let it speak TLS alone, and to its user alone."""
    users, files = "quarkus.security.users.embedded", "quarkus.http.ssl.certificate"
    settings = {
        "quarkus.http.ssl-port": config.registry.port,
        "quarkus.http.insecure-requests": "disabled",
        f"{files}.files": secrets.certificate("registry"),
        f"{files}.key-files": secrets.key("registry"),
        "quarkus.http.auth.basic": "true",
        f"{users}.enabled": "true",
        f"{users}.plain-text": "true",
        f"{users}.users.{USER}": secrets.password("registry"),
        f"{users}.roles.{USER}": "sr-admin",
        "quarkus.http.auth.permission.all.paths": "/*",
        "quarkus.http.auth.permission.all.policy": "authenticated",
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())
