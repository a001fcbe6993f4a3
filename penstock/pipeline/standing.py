"""Places of Spark's queries in their change topics, by their checkpoints, and what is wrong with them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition
from penstock_views.aggregates.run import current_run, runs_folder
from penstock_views.stream.checkpoint import began_s, committed, last_commit_in, last_commit_s, progress_in

from penstock.config import Config
from penstock.contract import AGGREGATE
from penstock.layout import Layout
from penstock.offsets import Place
from penstock.project.workspace import Workspace
from penstock.running import running_since_s
from penstock.topics.admin import TopicAdmin
from penstock.topics.consumer import open_consumer
from penstock.topics.gaps import Gap, gaps_of

_PATIENCE_S = 60.0
_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Standing:
    """One query.

    :param job: that runs it.
    :param table: whose changes it reads; of a further source with its name.
    :param view: the aggregate that it keeps; None for all row views and histories of the table.
    :param at: the offset behind the last record that it has committed, in each partition.
    :param committed_s: when it last committed, in seconds since 1970; None before the first time.
    :param interval_s: how often it commits while records come.
    :param began_s: when its query last began; None where only its job says that.
    """

    job: str
    table: str
    view: str | None
    at: Mapping[Place, int]
    committed_s: float | None
    interval_s: float
    began_s: float | None = None

    @property
    def name(self) -> str:
        """Name it for people."""
        return f"view {self.view}" if self.view else f"views of {self.table}"


@dataclass(frozen=True)
class Hang:
    """A query that commits nothing while records wait.

    :param waits_s: how long ago the oldest of them was written.
    """

    place: Place
    offset: int
    waits_s: float


def standings(workspace: Workspace) -> list[Standing]:
    """Read the checkpoints of each table's row views and of each aggregate that has started."""
    config = workspace.config
    layout, section = Layout.of(config), config.spark
    return [
        *_tables(workspace, layout.row_views, section.commit_interval_s),
        *_aggregates(workspace, layout.aggregates, section.aggregates_interval_s),
    ]


def lost_aggregates(workspace: Workspace) -> list[str]:
    """Return the aggregates that cannot go on from where they stand.

    :raises KafkaUnreachable: no broker answers in time.
    """
    admin = TopicAdmin(workspace.config.kafka.bootstrap)
    return [each.view for each in standings(workspace) if each.view and gaps_of(admin, each.at)]


def gaps_in(admin: TopicAdmin, found: Sequence[Standing]) -> Iterator[tuple[Standing, Gap]]:
    """Yield where the queries cannot go on: their records were deleted, or their topic was made again.

    :raises KafkaUnreachable: no broker answers in time.
    """
    for standing in found:
        for gap in gaps_of(admin, standing.at):
            yield standing, gap


def hangs(config: Config, found: Iterable[Standing]) -> Iterator[tuple[Standing, Hang]]:
    """Yield the queries that have committed nothing for an interval and a minute, while a record waits as long.

    The job must have run as long, too: a record may have waited while the stack was down. So must the query: after an
    `ALTER TABLE` it begins again, and so does its interval.
    """
    now, layout = time.time(), Layout.of(config)
    with closing(open_consumer(config.kafka.bootstrap, group=config.names.group("standing"))) as consumer:
        for standing in found:
            borne_s = _PATIENCE_S + standing.interval_s
            began_s = running_since_s(layout.running_file(standing.job))
            if began_s is None or now - max(began_s, standing.began_s or 0, standing.committed_s or 0) < borne_s:
                continue
            waiting = [hang for place, at in standing.at.items() for hang in _waiting(consumer, place, at, now)]
            oldest = max(waiting, key=lambda hang: hang.waits_s, default=None)
            if oldest is not None and oldest.waits_s > borne_s:
                yield standing, oldest


def _waiting(consumer: Consumer, place: Place, at: int, now: float) -> Iterator[Hang]:
    """Look for the first record from an offset on: behind the last one may be the marker of its transaction."""
    low, end = consumer.get_watermark_offsets(TopicPartition(*place), timeout=_TIMEOUT_S)
    if not low <= at < end:
        return
    consumer.assign([TopicPartition(*place, at)])
    record = consumer.poll(1.0)
    if record is not None and record.error() is None:
        yield Hang(place, record.offset() or at, now - record.timestamp()[1] / 1000)


def _tables(workspace: Workspace, root: Path, interval_s: float) -> Iterator[Standing]:
    for table, topic in dict.fromkeys((view.source_table, view.source_topic) for view in workspace.declared):
        at, last_s = committed(root, [topic]), last_commit_s(root, topic)
        yield Standing("views", table, None, at, last_s, interval_s, began_s(root, topic))


def _aggregates(workspace: Workspace, folder: Path, interval_s: float) -> Iterator[Standing]:
    for view in workspace.declared:
        run = current_run(runs_folder(folder, view.name)) if view.kind == AGGREGATE else None
        if run is not None:
            at, committed_s = progress_in(run.checkpoint), last_commit_in(run.checkpoint)
            yield Standing("aggregates", view.source_table, view.name, at, committed_s, interval_s)
