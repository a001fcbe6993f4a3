"""Cassandra: the nodes as the driver sees them, and the tables of the keyspace."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

from cassandra import DriverException

from penstock.cassandra.session import CassandraUnreachable, open_session
from penstock.config import Config
from penstock.errors import PenstockError

_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class CassandraState:
    """The cluster at one moment; `tables` are those of the keyspace, each with its columns' types in order."""

    version: str
    nodes_up: int
    nodes: int
    tables: dict[str, dict[str, str]]


class CassandraCollector:
    """Keeps one session, and opens a new one after any error; others may use it for short reads."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._open = ExitStack()
        self._session: Any = None

    @property
    def session(self) -> Any:
        """The open session.

        :raises CassandraUnreachable: there is none at the moment.
        """
        if self._session is None:
            section = self._config.cassandra
            raise CassandraUnreachable(f"{section.host}:{section.port}", "the console has no connection to it")
        return self._session

    def collect(self) -> CassandraState:
        """Look at the cluster."""
        try:
            if self._session is None:
                self._session = self._open.enter_context(open_session(self._config))
            row = self._session.execute("SELECT release_version FROM system.local", timeout=_TIMEOUT_S).one()
        except (DriverException, PenstockError, OSError):
            self._close()
            raise
        except Exception as exc:  # NoHostAvailable is no DriverException
            self._close()
            section = self._config.cassandra
            raise CassandraUnreachable(f"{section.host}:{section.port}", type(exc).__name__) from exc
        hosts = self._session.cluster.metadata.all_hosts()
        keyspace = self._session.cluster.metadata.keyspaces.get(self._config.names.keyspace)
        tables = {} if keyspace is None else {name: _columns(table) for name, table in keyspace.tables.items()}
        return CassandraState(row["release_version"], sum(bool(host.is_up) for host in hosts), len(hosts), tables)

    def _close(self) -> None:
        self._session = None
        # A session that cannot even be closed is gone all the same.
        with suppress(DriverException, PenstockError, OSError):
            self._open.close()


def _columns(table: Any) -> dict[str, str]:
    return {column.name: column.cql_type for column in table.columns.values()}
