"""The highest version that a row of a view can have by now (docs/contracts.md, Version).

A row above it was written by somebody else, or by a stream that is gone: no later change could write over it.
"""

from __future__ import annotations

from confluent_kafka import KafkaException
from penstock_views.aggregates.run import ROWS_OF_A_CHANGE
from penstock_views.declaration.totals import Aggregate
from penstock_views.declaration.views import View

from penstock.config import Config
from penstock.pipeline.fence import OnProgress, ends
from penstock.postgres.connection import connect
from penstock.project.generation import epoch_of, generation_of, version_of
from penstock.verify.compare import Ceiling

_NO_LIMIT = 2**63 - 1


def ceiling_of(config: Config, view: View, *, on_progress: OnProgress) -> Ceiling:
    """Return what asks Kafka how far a view's changes have come; without Kafka no version is too high."""
    generation = generation_of(view, epoch=epoch_of(config))

    def highest() -> int:
        try:
            offsets = ends(config, [view.source_topic]).values()
        except KafkaException as exc:
            on_progress(f"{view.name}: no version is judged, Kafka does not answer ({exc})")
            return _NO_LIMIT
        if isinstance(view, Aggregate):
            return version_of(generation, ROWS_OF_A_CHANGE * sum(offsets) + _newest_transaction(config))
        # Which partition a row's changes are in, only its key's bytes tell; none can be above the longest.
        return version_of(generation, max(offsets, default=0))

    return highest


def _newest_transaction(config: Config) -> int:
    with connect(config) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
        ((newest,),) = cursor.fetchall()
    return int(newest)
