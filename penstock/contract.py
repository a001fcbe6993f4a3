"""The names and numbers that the parts promise each other, the same in every installation (docs/contracts.md).

What an installation may be called is in `penstock.installation`. No import here: whoever needs a number needs nothing
else.
"""

from __future__ import annotations

OFFSETS_PER_GENERATION = 2**52
"""A version is `generation * this + offset`, so a higher generation wins over every offset of a lower one."""

MAX_GENERATION = 2047
"""Generations run from 1 to this, so that every version stays below 2^63."""

ROW_VERSION = "row_version"
"""The column that each view table has beside those of the view; it must never be null."""

VERSION = "version"
"""The header of a view record, and the last column of a history's primary key: the version of the entry."""

CONNECT_ERRORS = "__connect.errors."
"""The headers of a dead letter begin so, as Kafka Connect's do (KIP-298)."""

PUBLISHES_GENERATED = 180_000
"""The first version of Postgres that publishes generated columns, those that are STORED
(https://www.postgresql.org/docs/18/logical-replication-gencols.html)."""

_MIB = 1024 * 1024

RECORD_BYTES = 16 * _MIB
"""A record of a CDC or view topic: the topics' `max.message.bytes` and the `max.request.size` of who writes to them."""

DEAD_LETTER_BYTES = 17 * _MIB
"""The same of a dead letter: the sink's is a whole view record and what Connect says of it."""

IMAGE_BYTES = 7_864_320
"""A row as the source sends it, and a change has two (`LargeImages.MOST_BYTES`): its largest values are left out."""

VIEW_ROW_BYTES = 15 * _MIB
"""A row of a row view; Cassandra takes a write of 16 MiB (half of a segment of its commit log)."""

HISTORY_ROW_BYTES = VIEW_ROW_BYTES // 2
"""A row of a history as JSON; an entry has two."""

WHOLE_LETTER_BYTES = 64 * 1024
"""A failed record up to this is in its dead letter; of a larger one only where it lies and what is wrong."""

SMALL_BYTES = 256
"""What is not counted of a value in an image (`ImageSize.SMALL`)."""
