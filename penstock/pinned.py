"""Session settings for every session that reads values: how Postgres writes them, and that it hides and ends nothing.

A database or a role may have others of its own, such as a patience that is too short for a fill. Of a table whose rows
a policy hides from the role, Postgres refuses to read any: rows that are not read would count as deleted. The source's
sessions have the same ones (connect/postgres-source, SourceConnections); a test compares the two.
"""

from __future__ import annotations

PINNED = (
    "-c bytea_output=hex -c intervalstyle=postgres -c datestyle=ISO -c extra_float_digits=1"
    " -c quote_all_identifiers=off -c row_security=off -c statement_timeout=0 -c lock_timeout=0"
)
"""As libpq's and the JDBC driver's `options` take them; quote_all_identifiers is for the names of types."""
