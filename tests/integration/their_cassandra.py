"""A Cassandra of others for the tests: TLS, users with passwords and permissions."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cassandra.cluster import Session

from penstock.cassandra.session import CassandraRefused, CassandraUnreachable, open_session
from penstock.config import Config
from penstock.doctor.rights import Role, role_of
from penstock.layout import Layout
from penstock.stack.parts.cassandra import cassandra
from penstock.stack.start import START_TIMEOUT_S
from penstock.wait import wait_until
from tests.integration.certificates import STORE_PASSWORD, Certificates
from tests.integration.servers import free_port, stop
from tests.integration.their_postgres import in_quotes

PASSWORD = "c4ssandra's 5ecret"  # noqa: S105 - of a test


@dataclass(frozen=True)
class TheirCassandra:
    """The server: what its administrator has, and the section that Penstock has."""

    administrator: Config
    session: Session
    section: dict[str, object]

    def give_rights(self, role: Role) -> None:
        """Run the statements of a role."""
        self.as_administrator(*(each.text.replace("'…'", f"'{in_quotes(PASSWORD)}'") for each in role.statements))

    def as_administrator(self, *statements: str) -> None:
        """Run statements as the first user."""
        for statement in statements:
            self.session.execute(statement)


@contextmanager
def their_cassandra(folder: Path, certificates: Certificates) -> Iterator[TheirCassandra]:
    """Run the server, with a role that may do what Penstock does in its keyspace, and no more."""
    ports = [free_port(), free_port()]
    (folder / "cassandra-administrator").write_text("cassandra\n")
    (folder / "cassandra-penstock").write_text(PASSWORD + "\n")
    address = {"port": ports[0], "storage_port": ports[1], "tls": True, "ca_file": certificates.ca, "managed": False}
    login = {"user": "cassandra", "password_file": folder / "cassandra-administrator"}
    administrator = Config.model_validate({"state": folder / "var", "cassandra": {**address, **login}})
    part, layout = cassandra(administrator, Layout.of(administrator)), Layout.of(administrator)
    part.prepare()
    conf, log = layout.conf("cassandra") / "cassandra.yaml", folder / "cassandra.log"
    store = certificates.key_store("cassandra", "IP:127.0.0.1,DNS:localhost")
    conf.write_text(
        conf.read_text()
        .replace("AllowAllAuthenticator", "PasswordAuthenticator")
        .replace("AllowAllAuthorizer", "CassandraAuthorizer")
        # Reached by an address, too, that is not in its certificate.
        .replace("\nrpc_address: 127.0.0.1", "\nrpc_address: 0.0.0.0\nbroadcast_rpc_address: 127.0.0.1")
        + "client_encryption_options:\n  enabled: true\n  optional: false\n"
        + f"  keystore: {store}\n  keystore_password: {STORE_PASSWORD}\n"
    )
    with log.open("wb") as output:
        process = subprocess.Popen(part.command, stdout=output, stderr=output, start_new_session=True)
    try:
        wait_until(lambda: _lets_in(administrator), timeout_s=START_TIMEOUT_S, what="Cassandra lets us in", log=log)
        theirs = {"user": "penstock", "password_file": folder / "cassandra-penstock"}
        with open_session(administrator) as session:
            server = TheirCassandra(administrator, session, {**address, **theirs})
            server.give_rights(role_of(Config.model_validate({"cassandra": server.section}), "cassandra"))
            yield server
    finally:
        stop(process, part)


def _lets_in(administrator: Config) -> bool:
    """Return whether the first user is there: it is made ten seconds after the server's start."""
    try:
        with open_session(administrator):
            return True
    except (CassandraUnreachable, CassandraRefused):
        return False
