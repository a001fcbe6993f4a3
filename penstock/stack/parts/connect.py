"""The Kafka Connect workers (distributed mode) with Debezium, the Avro converter and our Cassandra sink."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from uuid import uuid4

from penstock.brokers import provider, references
from penstock.clone import ROOT
from penstock.config import Config
from penstock.errors import TerminalError
from penstock.http_client import answers
from penstock.instances import name_of
from penstock.layout import SERVERS, Layout, render
from penstock.project.connectors import STORE_PASSWORD, addresses, converter_settings, secrets, trust_store
from penstock.secured import Secrets
from penstock.stack.part import Part
from penstock.stack.parts.java import java
from penstock.stack.parts.jmx import jmx_agent, jmx_port
from penstock.stack.parts.kafka import JARS, LOGGING

_USERS = "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension"
_CLIENTS = ("", "producer.", "consumer.", "admin.")
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.DOTALL)


class StoreFailed(TerminalError):
    """The certificates could not be written as Java reads them."""

    def __init__(self, ca: Path, said: str) -> None:
        super().__init__(f"the certificates of {ca} cannot be taken over by keytool: {said.strip()}")


def connect(config: Config, layout: Layout, *, number: int = 1) -> Part:
    """Return the part; connectors find every address in its environment.

    :param number: of the worker.
    """
    section, name = config.connect, name_of("connect", number)
    host = section.own_hosts[number - 1]
    properties = layout.conf(name) / "worker.properties"
    return Part(
        name=name,
        command=java(
            "org.apache.kafka.connect.cli.ConnectDistributed",
            str(properties),
            classpath=(JARS,),
            heap_mb=section.heap_mb,
            options=(
                LOGGING,
                *_checks_users(config),
                *jmx_agent(section.metrics_port, ROOT / "connect/jmx.yml", number),
            ),
        ),
        is_ready=lambda: answers(section.of_worker(number).at("/connectors")),
        needs=("topics",),
        stops_before=("postgres", "registry", "cassandra"),
        prepare=lambda: _prepare(config, layout, number),
        environment=lambda: addresses(config) | secrets(config),
        runs=(JARS, SERVERS / "plugins", ROOT / "connect/worker.properties", ROOT / "connect/jmx.yml"),
        host=host,
        ports={"connect.port": section.port, **jmx_port("connect", section.metrics_port)},
    )


def _prepare(config: Config, layout: Layout, number: int) -> None:
    host = config.connect.own_hosts[number - 1]
    properties = render(
        ROOT / "connect/worker.properties",
        layout.conf(name_of("connect", number)) / "worker.properties",
        cluster=config.names.connect_cluster,
        bootstrap=config.kafka.bootstrap,
        listener=f"{'https' if Secrets.of(config).exist else 'http'}://{host}:{config.connect.port}",
        plugins=SERVERS / "plugins",
        registry=config.registry.url,
        replication_factor=config.kafka.replication_factor,
    )
    if let_in := converter_settings(config):
        lines = [f"{side}.converter.{name}={value}\n" for side in ("key", "value") for name, value in let_in.items()]
        properties.write_text(f"{properties.read_text()}\n# Of the registry.\n{''.join(lines)}")
    if file := config.kafka.bootstrap.properties_file:
        _add_security(properties, file)
    if Secrets.of(config).exist:
        _ask_users(properties, Secrets.of(config))
    if config.cassandra.ca:
        _write_trust_store(config.cassandra.ca, trust_store(config))


def _checks_users(config: Config) -> tuple[str, ...]:
    secrets = Secrets.of(config)
    return (f"-Djava.security.auth.login.config={secrets.connect_logins}",) if secrets.exist else ()


def _ask_users(properties: Path, secrets: Secrets) -> None:
    """Let the REST API ask who comes, and speak TLS."""
    store = {
        "keystore.type": "PKCS12",
        "keystore.location": secrets.store("connect"),
        "keystore.password": f"${{env:{STORE_PASSWORD}}}",
        "key.password": f"${{env:{STORE_PASSWORD}}}",
        # Java's own choice; unsaid, Connect 4.2 ends with an error of its own.
        "cipher.suites": "",
    }
    lines = "".join(f"listeners.https.ssl.{name}={value}\n" for name, value in store.items())
    properties.write_text(f"{properties.read_text()}\n# Of --secure.\nrest.extension.classes={_USERS}\n{lines}")


def _add_security(properties: Path, file: Path) -> None:
    """Let the worker into Kafka, and with it the clients of its connectors."""
    own = provider(file)
    referred = {f"{prefix}{name}": value for prefix in _CLIENTS for name, value in references(file).items()}
    # The worker's own provider (env) stays; one line holds both.
    text = properties.read_text().replace(
        "config.providers=env\n", f"config.providers=env,{own.pop('config.providers')}\n"
    )
    lines = "".join(f"{name}={value}\n" for name, value in (own | referred).items())
    properties.write_text(f"{text}\n# Of kafka.properties_file.\n{lines}")


def _write_trust_store(ca: Path, store: Path) -> None:
    """Write certificates into a store of Java's; without a password, as they are no secret."""
    # Another worker may read it meanwhile.
    made = store.with_name(f".{store.name}.{uuid4().hex}")
    plain = ("-J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE", "-J-Dkeystore.pkcs12.macAlgorithm=NONE")
    for number, certificate in enumerate(_CERTIFICATE.findall(ca.read_text(errors="replace"))):
        imported = ("-importcert", "-noprompt", "-alias", f"ca-{number}", "-keystore", str(made))
        command = ["keytool", *plain, *imported, "-storetype", "PKCS12", "-storepass", "unused"]
        done = subprocess.run(command, input=certificate, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise StoreFailed(ca, done.stdout + done.stderr)
    made.replace(store)
