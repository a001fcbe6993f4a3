"""The tables of the views in Cassandra: columns that a table file has gained are added; nothing is ever taken away."""

from __future__ import annotations

from cassandra.metadata import protect_name

from penstock.cassandra.session import open_session
from penstock.cassandra.table_file import read_shape, shape_of_table
from penstock.project.workspace import Workspace


def add_missing_columns(workspace: Workspace) -> list[str]:
    """Add to the tables what their files have more; return what was added, for people.

    :raises CassandraUnreachable, CassandraRefused: as the session does.
    """
    config = workspace.config
    keyspace, said = config.names.keyspace, []
    with open_session(config) as session:
        tables = session.cluster.metadata.keyspaces[keyspace].tables
        for view in workspace.views:
            found, wanted = shape_of_table(tables[view.name]), read_shape(workspace.project.table_file(view.name))
            for column in [name for name in wanted.columns if name not in found.columns]:
                definition = f"{protect_name(column)} {wanted.columns[column]}"
                session.execute(f"ALTER TABLE {protect_name(keyspace)}.{protect_name(view.name)} ADD {definition}")
                said.append(f"{view.name}.{column} added")
    return said
