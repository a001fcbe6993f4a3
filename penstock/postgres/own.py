"""A connection to Postgres that knows the names of its installation: statements are written for the default's."""

from __future__ import annotations

import psycopg2.extensions

from penstock.installation import Names


class Connection(psycopg2.extensions.connection):
    """A connection of one installation."""

    names: Names

    def own(self, statement: str) -> str:
        """Return a statement on what is ours, in its names."""
        return self.names.in_sql(statement)


def of_installation(names: Names) -> type[Connection]:
    """Return the `connection_factory` of an installation's connections."""
    return type("OwnConnection", (Connection,), {"names": names})
