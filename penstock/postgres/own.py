"""A connection to Postgres that knows its installation: its names, and what it must not read.

Statements are written for the names of the default.
"""

from __future__ import annotations

import psycopg2.extensions

from penstock.excluded import NONE, Excluded
from penstock.hashed import NOT_HASHED, Hashed
from penstock.installation import Names


class Connection(psycopg2.extensions.connection):
    """A connection of one installation."""

    names: Names
    excluded: Excluded
    hashed: Hashed
    readers: tuple[str, ...]

    def own(self, statement: str) -> str:
        """Return a statement on what is ours, in its names."""
        return self.names.in_sql(statement)


def of_installation(
    names: Names, excluded: Excluded = NONE, hashed: Hashed = NOT_HASHED, readers: tuple[str, ...] = ()
) -> type[Connection]:
    """Return the `connection_factory` of an installation's connections.

    :param readers: the roles that read the tables, beside the one that logs in.
    """
    own = {"names": names, "excluded": excluded, "hashed": hashed, "readers": readers}
    return type("OwnConnection", (Connection,), own)
