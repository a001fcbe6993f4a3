"""A Kafka of others for the tests: one door with TLS and passwords, one that asks clients for their certificate."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin import (  # type: ignore[attr-defined]  # re-exported there without `__all__`
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from penstock.brokers import Brokers
from penstock.config import Config
from penstock.doctor.rights import Acl, kafka_acls
from penstock.layout import SERVERS, Layout
from penstock.setup.rights import allow
from penstock.stack.parts.kafka import kafka
from penstock.stack.start import START_TIMEOUT_S
from penstock.wait import wait_until
from tests.integration.certificates import STORE_PASSWORD, Certificates
from tests.integration.servers import free_port, stop
from tests.patience import PATIENCE_S

PASSWORD = 'k4fka "5ecret"'  # noqa: S105 - of a test
_ESCAPED = r"k4fka \"5ecret\""
_MODULE = "org.apache.kafka.common.security"


@dataclass(frozen=True)
class TheirKafka:
    """The server: its open door for the test itself, and the section that Penstock has for each way in."""

    administrator: Config
    ports: dict[str, int]
    properties: dict[str, Path]

    def as_user(self, name: str) -> Brokers:
        """Return how another user with the same password gets in."""
        file = self.properties["scram"].with_name(f"{name}.properties")
        file.write_text(self.properties["scram"].read_text().replace('username="penstock"', f'username="{name}"'))
        return Brokers(f"127.0.0.1:{self.ports['scram']}", file)

    def run(self, command: str) -> None:
        """Run commands of Kafka's as they are printed, by the open door."""
        folder = self.properties["scram"].parent
        (folder / "admin.properties").touch()
        for name, tool in (("kafka-acls.sh", "tools.AclCommand"), ("kafka-configs.sh", "kafka.admin.ConfigCommand")):
            wrapped = f'#!/bin/sh\nexec java -cp "{SERVERS}/kafka/*" {tool} "$@"\n'
            (folder / name).write_text(wrapped.replace(" tools.", " org.apache.kafka.tools."))
            (folder / name).chmod(0o700)
        passwords, plain = f"127.0.0.1:{self.ports['scram']}", str(self.administrator.kafka.bootstrap)
        environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
        shell = ["sh", "-ec", command.replace(passwords, plain)]
        subprocess.run(shell, cwd=folder, env=environment, check=True, capture_output=True, timeout=PATIENCE_S)

    def section(self, way: str) -> dict[str, object]:
        """Return what `penstock.toml` says to go this way."""
        return {"managed": False, "port": self.ports[way], "properties_file": self.properties[way]}


@contextmanager
def their_kafka(folder: Path, certificates: Certificates) -> Iterator[TheirKafka]:
    """Run the server."""
    plain, controller, passwords, mutual = (free_port() for _ in range(4))
    administrator = Config.model_validate(
        {"state": folder / "var-kafka", "kafka": {"port": plain, "controller_port": controller}}
    )
    part, layout = kafka(administrator, Layout.of(administrator)), Layout.of(administrator)
    part.prepare()
    conf, log = layout.conf("kafka") / "server.properties", folder / "kafka.log"
    conf.write_text(conf.read_text() + _doors(plain, controller, passwords, mutual, certificates))
    with log.open("wb") as output:
        process = subprocess.Popen(part.command, stdout=output, stderr=output, start_new_session=True)
    try:
        wait_until(part.is_ready, timeout_s=START_TIMEOUT_S, what="Kafka answers", log=log)
        make_user(administrator, "penstock")
        give_rights(administrator, "penstock", kafka_acls(administrator))
        ports = {"scram": passwords, "plain": passwords, "mtls": mutual, "mtls-pem": mutual}
        yield TheirKafka(administrator, ports, _client_files(folder, certificates))
    finally:
        stop(process, part)


def _doors(plain: int, controller: int, passwords: int, mutual: int, certificates: Certificates) -> str:
    doors = f"PLAINTEXT://127.0.0.1:{plain},PASSWORDS://127.0.0.1:{passwords},MUTUAL://127.0.0.1:{mutual}"
    scram, login = "listener.name.passwords.scram-sha-512.sasl", "listener.name.passwords.plain.sasl"
    return "\n".join(
        [
            "",
            f"listeners={doors},CONTROLLER://127.0.0.1:{controller}",
            f"advertised.listeners={doors}",
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PASSWORDS:SASL_SSL,MUTUAL:SSL",
            f"ssl.keystore.location={certificates.key_store('kafka')}",
            f"ssl.keystore.type=PKCS12\nssl.keystore.password={STORE_PASSWORD}",
            f"ssl.truststore.location={certificates.trust_store()}",
            f"ssl.truststore.type=PKCS12\nssl.truststore.password={STORE_PASSWORD}",
            "listener.name.mutual.ssl.client.auth=required",
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users=User:ANONYMOUS;User:CN=client;User:CN=penstock",
            "listener.name.passwords.sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN",
            f"{scram}.jaas.config={_MODULE}.scram.ScramLoginModule required;",
            f'{login}.jaas.config={_MODULE}.plain.PlainLoginModule required user_penstock="{_in_file(_ESCAPED)}";',
            "",
        ]
    )


def _in_file(text: str) -> str:
    """Write a text as a file of Java properties has it."""
    return text.replace("\\", "\\\\")


def make_user(administrator: Config, name: str) -> None:
    """Make a user that logs in with the password."""
    scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    wanted = UserScramCredentialUpsertion(name, scram, PASSWORD.encode())
    client = AdminClient({"bootstrap.servers": administrator.kafka.bootstrap})
    for done in client.alter_user_scram_credentials([wanted]).values():
        done.result()


def give_rights(administrator: Config, principal: str, acls: Sequence[Acl]) -> None:
    """Let a user of Kafka do what these allow."""
    allow(administrator.kafka.bootstrap, principal, acls)


@contextmanager
def without_rights(administrator: Config) -> Iterator[None]:
    """Take all rights from everybody for a while."""
    client = AdminClient({"bootstrap.servers": administrator.kafka.bootstrap})
    any_ = (ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY)
    everything = AclBindingFilter(*any_)  # type: ignore[arg-type]  # its types know no None
    (gone,) = client.delete_acls([everything]).values()
    taken = gone.result()
    try:
        yield
    finally:
        for done in client.create_acls(taken).values():
            done.result()


def _client_files(folder: Path, certificates: Certificates) -> dict[str, Path]:
    pem = f"ssl.truststore.type=PEM\nssl.truststore.location={certificates.ca}\n"
    store = (
        f"ssl.truststore.location = {certificates.folder / 'trust.p12'}\nssl.truststore.password = {STORE_PASSWORD}\n"
    )
    key, signed = certificates.sign("client")
    both = certificates.folder / "client-both.pem"
    _as_pkcs8(key, both)
    both.write_text(both.read_text() + signed.read_text())
    keys = certificates.key_store("penstock")
    login = f'username="penstock" password="{_in_file(_ESCAPED)}"'
    texts = {
        "scram": f"{pem}security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\n"
        f"sasl.jaas.config={_MODULE}.scram.ScramLoginModule required {login};\n",
        "plain": f"# as a file of Java's may look\n{store}security.protocol: SASL_SSL\nsasl.mechanism PLAIN\n"
        f"sasl.jaas.config={_MODULE}.plain.PlainLoginModule required \\\n    {login};\n",
        "mtls": f"{store}security.protocol=SSL\nssl.keystore.type=PKCS12\nssl.keystore.location={keys}\n"
        f"ssl.keystore.password={STORE_PASSWORD}\n",
        "mtls-pem": f"{pem}security.protocol=SSL\nssl.keystore.type=PEM\nssl.keystore.location={both}\n",
    }
    files = {way: folder / f"{way}.properties" for way in texts}
    for way, text in texts.items():
        files[way].touch(mode=0o600)
        files[way].write_text(text)
    return files


def _as_pkcs8(key: Path, made: Path) -> None:
    command = ["openssl", "pkcs8", "-topk8", "-nocrypt", "-in", str(key), "-out", str(made)]
    subprocess.run(command, check=True, capture_output=True)
