"""Cassandra, the database that holds the views: its nodes."""

from __future__ import annotations

import os

from penstock.class_archive import server_archive_options
from penstock.clone import ROOT
from penstock.config import Config
from penstock.instances import name_of
from penstock.layout import SERVERS, Layout, render
from penstock.secured import Secrets
from penstock.stack.direct_io import takes_direct_io
from penstock.stack.part import Part
from penstock.stack.parts.java import java

_RING_S = 5
"""How long a node of several waits for the others."""


def cassandra(config: Config, layout: Layout, *, number: int = 1) -> Part:
    """Return the part.

    The others know a new node before the next one comes: nodes that join at the same time may share a token.

    :param number: of the node.
    """
    section, name = config.cassandra, name_of("cassandra", number)
    host = section.own_hosts[number - 1]
    conf = layout.conf(name) / "cassandra.yaml"
    options = (
        *server_archive_options("cassandra", may_record=number == 1),
        f"@{ROOT / 'servers/cassandra/jvm17.options'}",
        f"-Dcassandra.config=file://{conf}",
        f"-Dcassandra.storagedir={layout.data(name)}",
        f"-Dlogback.configurationFile=file://{ROOT / 'servers/cassandra/logback.xml'}",
        "-Dcassandra-foreground=yes",
        *_ring_options(section.nodes),
        # Nothing of JMX: its port would be another door, without a password, by which everybody may run code.
        # The first user is made at once, where it is made at all.
        "-Dcassandra.superuser_setup_delay_ms=0",
    )
    return Part(
        name=name,
        command=java(
            "org.apache.cassandra.service.CassandraDaemon",
            classpath=(SERVERS / "cassandra",),
            heap_mb=section.heap_mb,
            options=options,
        ),
        is_ready=lambda: _answers(config, host),
        starts_after=(name_of("cassandra", number - 1),) if number > 1 else (),
        prepare=lambda: _prepare(config, layout, number),
        runs=(SERVERS / "cassandra", ROOT / "servers/cassandra"),
        host=host,
        ports={"cassandra.port": section.port, "cassandra.storage_port": section.storage_port},
        stop_wait_s=60,
        # Its workers look for work every 10 microseconds while there was some lately (SEPWorker.doWaitSpin): a sixth of
        # what it took of the processors beside 500 changes a second and ten views (measured with 2 ms).
        timer_slack_ms=1,
    )


def _ring_options(nodes: int) -> tuple[str, ...]:
    if nodes > 1:
        # Until it has heard of the others, it would refuse what takes a quorum.
        return (f"-Dcassandra.ring_delay_ms={_RING_S * 1000}",)
    # One node has no ring to learn: start at once.
    return ("-Dcassandra.ring_delay_ms=0", "-Dcassandra.skip_wait_for_gossip_to_settle=0")


def _prepare(config: Config, layout: Layout, number: int) -> None:
    section, name = config.cassandra, name_of("cassandra", number)
    data = layout.data(name)
    data.mkdir(parents=True, exist_ok=True)
    secrets = Secrets.of(config)
    rendered = render(
        ROOT / "servers/cassandra/cassandra.yaml",
        layout.conf(name) / "cassandra.yaml",
        host=section.own_hosts[number - 1],
        seeds=",".join(f"{host}:{section.storage_port}" for host in section.own_hosts),
        token=_token(number, section.nodes),
        port=section.port,
        storage_port=section.storage_port,
        data=data,
        commitlog_disk_access_mode="direct" if takes_direct_io(data) else "legacy",
        compaction_mib_s=os.cpu_count() or 1,
    )
    if secrets.exist:
        asks = rendered.read_text().replace("AllowAllAuthenticator", "PasswordAuthenticator")
        rendered.write_text(asks.replace("AllowAllAuthorizer", "CassandraAuthorizer") + _encryption(secrets))


def _token(number: int, nodes: int) -> str:
    """Return the first token of a node, so that each has the same share; one alone makes its own."""
    return str(-(2**63) + (number - 1) * 2**64 // nodes) if nodes > 1 else ""


def _encryption(secrets: Secrets) -> str:
    """Encrypt both doors; who comes by that of the nodes must show a certificate."""
    files = f"""
  ssl_context_factory:
    class_name: org.apache.cassandra.security.PEMBasedSslContextFactory
  keystore: {secrets.key_and_certificate("cassandra")}
  truststore: {secrets.ca}
"""
    return (
        f"client_encryption_options:\n  enabled: true\n  optional: false{files}"
        f"server_encryption_options:\n  internode_encryption: all\n  require_client_auth: true{files}"
    )


def _answers(config: Config, host: str) -> bool:
    """Ask this node first; where it is away, no other is asked."""
    from penstock.cassandra.session import CassandraRefused, CassandraUnreachable, open_session

    section = config.cassandra.model_copy(update={"contact_points": (host,)})
    try:
        with open_session(config.model_copy(update={"cassandra": section})):
            return True
    except CassandraUnreachable:
        return False
    except CassandraRefused:
        # Our role is made by a step of the set-up, once the server answers.
        return Secrets.of(config).exist
