"""Connect to Cassandra: the one place where the driver is set up and its errors become ours."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cassandra import (
    AuthenticationFailed,
    ConsistencyLevel,
    DependencyException,
    DriverException,
    ProtocolVersion,
    RequestValidationException,
    UnresolvableContactPoints,
)
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable, Session
from cassandra.policies import DCAwareRoundRobinPolicy, RoundRobinPolicy, TokenAwarePolicy
from cassandra.protocol import ErrorMessage
from cassandra.query import dict_factory

from penstock.config import Config
from penstock.errors import TerminalError, Unreachable
from penstock.sections.cassandra import Cassandra as Section

_CONNECT_TIMEOUT_S = 10
_REQUEST_TIMEOUT_S = 30
# A syntax error comes as the protocol's own message, which is no DriverException.
_REFUSALS = (RequestValidationException, AuthenticationFailed, ErrorMessage)


class CassandraUnreachable(Unreachable):
    """No node answers."""

    def __init__(self, address: str, cause: str) -> None:
        super().__init__(f"Cassandra does not answer at {address} ({cause})")


class CassandraRefused(TerminalError):
    """Cassandra answers and refuses a statement."""

    def __init__(self, address: str, cause: str) -> None:
        super().__init__(f"Cassandra at {address} refuses: {cause}")


class CertificatesUnreadable(TerminalError):
    """The file of the certificates to trust is not there, or holds none."""

    def __init__(self, file: Path | None, cause: str) -> None:
        super().__init__(f"cassandra.ca_file {file} cannot be read: {cause}")


@contextmanager
def open_session(config: Config, *, everywhere: bool = False) -> Iterator[Session]:
    """Open a session whose rows are dicts; closed with the block.

    Driver errors inside the block become ours too, so callers need not know them.

    :param everywhere: ask nodes of any datacenter, also where none is in `local_dc`.
    :raises CassandraUnreachable: no node answers, at the start or later.
    :raises CassandraRefused: a statement is wrong.
    """
    section = config.cassandra
    # What goes wrong reaches us as an exception; the driver would also print each attempt to stderr.
    logging.getLogger("cassandra").addHandler(logging.NullHandler())
    logging.getLogger("cassandra").propagate = False
    with our_errors(section.address):
        cluster = Cluster(
            list(section.hosts),
            port=section.port,
            protocol_version=ProtocolVersion.V4,
            execution_profiles={EXEC_PROFILE_DEFAULT: _profile(section, everywhere=everywhere)},
            auth_provider=PlainTextAuthProvider(section.user, section.password) if section.user else None,
            ssl_context=_tls(section),
            connect_timeout=_CONNECT_TIMEOUT_S,
            connection_class=_connection_class(),
        )
        try:
            yield cluster.connect()
        finally:
            cluster.shutdown()


@contextmanager
def our_errors(address: str) -> Iterator[None]:
    """Turn the driver's errors into ours; a block of its own where one refused statement must not end all.

    :raises CassandraUnreachable, CassandraRefused: as `open_session` does.
    """
    try:
        yield
    except NoHostAvailable as exc:
        raise _mapped(address, exc) from exc
    except UnresolvableContactPoints as exc:  # which says nothing
        raise CassandraUnreachable(address, "no name leads to an address") from exc
    except _REFUSALS as exc:
        raise CassandraRefused(address, str(exc)) from exc
    except DriverException as exc:  # timeouts, too few replicas
        raise CassandraUnreachable(address, str(exc)) from exc


def _tls(section: Section) -> ssl.SSLContext | None:
    if not section.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=section.ca)
    except (OSError, ssl.SSLError) as exc:
        raise CertificatesUnreadable(section.ca_file, str(exc)) from exc
    context.check_hostname = section.check_hostname
    return context


def _profile(section: Section, *, everywhere: bool) -> ExecutionProfile:
    nodes = RoundRobinPolicy() if everywhere else DCAwareRoundRobinPolicy(section.local_dc)
    return ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(nodes),
        # With more than one replica a proof must not rest on the slowest of them.
        consistency_level=ConsistencyLevel.name_to_value[section.consistency],
        request_timeout=_REQUEST_TIMEOUT_S,
        row_factory=dict_factory,
    )


def _connection_class() -> Any:
    """Choose the event loop: libev from the wheel; asyncio where there is none (asyncore warns and is gone in 3.12)."""
    try:
        from cassandra.io.libevreactor import LibevConnection
    except (ImportError, DependencyException):
        from cassandra.io.asyncioreactor import AsyncioConnection

        return AsyncioConnection
    return LibevConnection


def _mapped(address: str, exc: NoHostAvailable) -> CassandraUnreachable | CassandraRefused:
    """Distinguish a node that is away from one that answered with a refusal: the driver reports both alike."""
    causes = list(exc.errors.values()) if isinstance(exc.errors, dict) else []
    refusals = [cause for cause in causes if isinstance(cause, _REFUSALS)]
    if refusals:
        return CassandraRefused(address, str(refusals[0]))
    return CassandraUnreachable(address, "; ".join(map(str, causes)) or str(exc))
