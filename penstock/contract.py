"""The names and numbers that the parts promise each other, the same in every installation (docs/contracts.md).

What an installation may be called is in `penstock.installation`. No import here, so that everything may import it.
"""

from __future__ import annotations

OFFSETS_PER_GENERATION = 2**52
"""A version is `generation * this + offset`, so a higher generation wins over every offset of a lower one."""

MAX_GENERATION = 2047
"""Generations run from 1 to this, so that every version stays below 2^63."""

ROW_VERSION = "row_version"
"""The column that each view table has beside those of the view; it must never be null."""

ROW, HISTORY, AGGREGATE = "row", "history", "aggregate"
"""The kinds of a view."""

VERSION = "version"
"""The header of a view record, and the last column of a history's primary key: the place of the entry's change."""

REVISION, SINCE, TABLE = "penstock.revision", "penstock.since", "penstock.table"
"""Properties of a value's schema: the view's revision, that of a history's first entries if it was another, and the
table, which contracts of an earlier version do not name."""

LSN = "lsn"
"""The header of a view record: the place in the WAL of the change that made it."""

EPOCH = "epoch"
"""The header of a change record: the epoch in which the source connector read it."""

CONNECT_ERRORS = "__connect.errors."
"""The headers of a dead letter begin so, as Kafka Connect's do (KIP-298)."""

PUBLISHES_GENERATED = 180_000
"""The first version of Postgres that publishes generated columns, those that are STORED
(https://www.postgresql.org/docs/18/logical-replication-gencols.html)."""
