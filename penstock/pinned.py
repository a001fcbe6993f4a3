"""Session settings by which Postgres writes values as text, for every session that reads values.

A database or a role may have others of its own. The source's sessions have the same ones
(connect/postgres-source, SourceConnections); a test compares the two.
"""

from __future__ import annotations

PINNED = (
    "-c bytea_output=hex -c intervalstyle=postgres -c datestyle=ISO -c extra_float_digits=1"
    " -c quote_all_identifiers=off"
)
"""As libpq's and the JDBC driver's `options` take them; the last one is for the names of types."""
