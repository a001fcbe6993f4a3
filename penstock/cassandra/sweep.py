"""Takes out of a view table what was written before a version, and nothing that is written since."""

from __future__ import annotations

from cassandra.cluster import Session

from penstock.cassandra.table import ViewTable


def sweep_older(session: Session, *, keyspace: str, table: str, version: int) -> int:
    """Delete the rows whose `row_version` is below a version; return how many.

    Each delete has a timestamp below the version, so a row that is written meanwhile, or was just on its way, stays.

    :raises ViewTableMissing: it does not exist.
    """
    view = ViewTable(session, keyspace=keyspace, name=table)
    return view.delete(view.older_than(version), timestamp=version - 1)
