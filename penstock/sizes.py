"""Limits of rows and records, along the whole way.

The limits fit each other (docs/types.md, "Sizes"; tests/contract/test_sizes.py). A topic takes whatever its producers
are given, and Cassandra with its default settings whatever a view may hold. A row is judged by itself, never a change:
what fails as an old row has failed as a new one.
"""

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
