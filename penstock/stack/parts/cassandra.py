"""Cassandra, the database that holds the views: one node."""

from __future__ import annotations

import os

from penstock.cassandra.session import CassandraRefused, CassandraUnreachable, open_session
from penstock.class_archive import server_archive_options
from penstock.config import ROOT, Config
from penstock.layout import SERVERS, Layout, render
from penstock.secured import Secrets
from penstock.stack.direct_io import takes_direct_io
from penstock.stack.part import Part
from penstock.stack.parts.java import java


def cassandra(config: Config, layout: Layout) -> Part:
    """Return the part."""
    section = config.cassandra
    conf = layout.conf("cassandra") / "cassandra.yaml"
    options = (
        *server_archive_options("cassandra"),
        f"@{ROOT / 'servers/cassandra/jvm17.options'}",
        f"-Dcassandra.config=file://{conf}",
        f"-Dcassandra.storagedir={layout.data('cassandra')}",
        f"-Dlogback.configurationFile=file://{ROOT / 'servers/cassandra/logback.xml'}",
        "-Dcassandra-foreground=yes",
        # One node has no ring to learn: start at once.
        "-Dcassandra.ring_delay_ms=0",
        "-Dcassandra.skip_wait_for_gossip_to_settle=0",
        # Nothing of JMX: its port would be another door, without a password, by which whoever comes may run code.
        # The first user is made at once, where it is made at all.
        "-Dcassandra.superuser_setup_delay_ms=0",
    )
    return Part(
        name="cassandra",
        command=java(
            "org.apache.cassandra.service.CassandraDaemon",
            classpath=(SERVERS / "cassandra",),
            heap_mb=section.heap_mb,
            options=options,
        ),
        is_ready=lambda: _answers(config),
        prepare=lambda: _prepare(config, layout),
        ports={"cassandra.port": section.port, "cassandra.storage_port": section.storage_port},
        stop_wait_s=60,
        # Its workers look for work every 10 microseconds while there was some lately (SEPWorker.doWaitSpin): a sixth of
        # what it took of the processors beside 500 changes a second and ten views (measured with 2 ms).
        timer_slack_ms=1,
    )


def _prepare(config: Config, layout: Layout) -> None:
    data = layout.data("cassandra")
    data.mkdir(parents=True, exist_ok=True)
    secrets = Secrets.of(config)
    rendered = render(
        ROOT / "servers/cassandra/cassandra.yaml",
        layout.conf("cassandra") / "cassandra.yaml",
        host=config.cassandra.host,
        port=config.cassandra.port,
        storage_port=config.cassandra.storage_port,
        data=data,
        commitlog_disk_access_mode="direct" if takes_direct_io(data) else "legacy",
        compaction_mib_s=os.cpu_count() or 1,
    )
    if secrets.exist:
        asks = rendered.read_text().replace("AllowAllAuthenticator", "PasswordAuthenticator")
        rendered.write_text(asks.replace("AllowAllAuthorizer", "CassandraAuthorizer") + _encryption(secrets))


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


def _answers(config: Config) -> bool:
    try:
        with open_session(config):
            return True
    except CassandraUnreachable:
        return False
    except CassandraRefused:
        # Our role is made by a step of the set-up, once the server answers.
        return Secrets.of(config).exist
