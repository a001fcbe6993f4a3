"""Takes the groups out of Cassandra that are left over from an earlier run of an aggregate."""

from __future__ import annotations

from penstock_views.aggregates.run import current_run, runs_folder
from penstock_views.declaration.totals import Aggregate

from penstock.cassandra.session import open_session
from penstock.cassandra.sweep import sweep_older
from penstock.layout import Layout
from penstock.project.workspace import Workspace


def sweep_aggregates(workspace: Workspace) -> dict[str, int]:
    """Delete of each aggregate the rows that its run has not written; return how many, by view.

    A run writes every group that there is, first of all; so what has a lower version was gone when it began. It may be
    called at any time: what the run has yet to write is newer than these deletes.

    :raises CassandraUnreachable: Cassandra is away.
    """
    config = workspace.config
    swept: dict[str, int] = {}
    folder = Layout.of(config).aggregates
    with open_session(config) as session:
        for view in workspace.views:
            run = current_run(runs_folder(folder, view.name)) if isinstance(view, Aggregate) else None
            if run is not None:
                keyspace, version = config.names.keyspace, run.first_version
                swept[view.name] = sweep_older(session, keyspace=keyspace, table=view.name, version=version)
    return swept
