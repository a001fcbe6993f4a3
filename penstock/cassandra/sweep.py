"""Takes out of a view table what was written before a version, and nothing that is written since."""

from __future__ import annotations

from cassandra.cluster import Session
from cassandra.concurrent import execute_concurrent_with_args

from penstock.cassandra.table import ViewTable

_AT_ONCE = 32


def sweep_older(session: Session, *, keyspace: str, table: str, version: int) -> int:
    """Delete the rows whose `row_version` is below a version; return how many.

    Each delete has a timestamp below the version, so a row that is written meanwhile, or was just on its way, stays.

    :raises TableUnknown: it does not exist.
    """
    view = ViewTable(session, keyspace=keyspace, name=table)
    older = [(version - 1, *view.bound_key(row)) for row in view.scan() if row["row_version"] < version]
    prepared = session.prepare(view.delete_statement)
    execute_concurrent_with_args(session, prepared, older, concurrency=_AT_ONCE, raise_on_first_error=True)
    return len(older)
