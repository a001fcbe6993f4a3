"""Finds where a fill that was cut off goes on: at its first page that is not written, under the version that it had.

A new snapshot is read, and the version stays that of L, the last offset before the first one. That is exact where the
views have every record behind L from the stream, which the views job notes (`checkpoint.followed_since`). What differs
between the snapshots is a change behind L. The stream writes it with a higher version, also of a row that moved to
another page, and deletes what went. All else in the pages before was written by the first run.

An entry of a history must hold its row as of L. So the rows that the new snapshot has with a change behind L get none,
as those of the first one do not (`lane`). These changes must all be in Kafka still.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from penstock_views.declaration.views import History, View
from penstock_views.running.job import contract_of
from penstock_views.snapshot.ranges import Part, read_parts
from penstock_views.stream.checkpoint import followed_since

from penstock.cassandra.table import empty_tables
from penstock.config import Config
from penstock.layout import Layout
from penstock.postgres.connection import connect
from penstock.postgres.record import StartedFill
from penstock.project.folders import Project
from penstock.project.generation import generation_of, version_of
from penstock.topics.admin import TopicAdmin

_TIMELINE = "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)"
_OFFSETS = 500_000
"""So many behind L at most: a fill of a history has the keys of their rows in memory (`lane._changed_since`). In a heap
of 1 GB, 1,000,000 keys that are UUIDs have room, and 2,000,000 do not."""


@dataclass(frozen=True)
class Progress:
    """How far a fill of views of one table has come.

    :param contracts: of its views, what stands for what they compute.
    :param last: the last offset of each partition of the CDC topic before its first snapshot.
    :param timeline: of Postgres: a promoted standby need not have what the first snapshot held.
    :param parts: of the table, as they were then: rows on later pages are of later changes.
    :param pages: of these, from the first on, whose rows Kafka has acknowledged.
    """

    contracts: Mapping[str, str]
    last: tuple[int, ...]
    timeline: str
    parts: tuple[Part, ...]
    pages: int = 0

    @property
    def offset(self) -> int:
        """Of the version that its rows have."""
        return min(self.last, default=-1)

    def as_json(self) -> dict[str, Any]:
        """Write it for the record."""
        return {
            "contracts": dict(self.contracts),
            "last": list(self.last),
            "timeline": self.timeline,
            "parts": [astuple(part) for part in self.parts],
            "pages": self.pages,
        }

    @classmethod
    def of_json(cls, noted: Mapping[str, Any]) -> Progress:
        """Read what `as_json` wrote."""
        parts = tuple(Part(source, tuple(files), *more) for source, files, *more in noted["parts"])
        return cls(noted["contracts"], tuple(noted["last"]), noted["timeline"], parts, noted["pages"])


def are_others(now: Sequence[Part], then: Sequence[Part]) -> bool:
    """Return whether parts have other files; one that has grown is the same, and of one that went a note is written."""
    files = {part.source: part.files for part in now}
    return any(files.get(part.source, part.files) != part.files for part in then)


def noted_progress(views: Sequence[View], started: Mapping[str, StartedFill], *, epoch: int) -> Progress | None:
    """Return how far the fill of these views has come, where the record says so of all of them together.

    :param views: of one table, of which nothing but this fill is missing.
    :param started: the fills that last began to write to them.
    """
    notes = [started[view.name].progress if view.name in started else None for view in views]
    if notes[0] is None or any(note != notes[0] for note in notes):
        return None
    found = Progress.of_json(notes[0])
    is_of_all = found.contracts.keys() == {view.name for view in views}
    is_of_now = all(
        started[view.name].version == version_of(generation_of(view, epoch=epoch), found.offset) for view in views
    )
    return found if is_of_all and is_of_now else None


def has_followed(since: Mapping[int, int] | None, last: Sequence[int], begins: Mapping[int, int]) -> bool:
    """Return whether a view has every record behind these offsets from the stream.

    :param since: from which offsets on it has all; None when its table's query is without it.
    :param begins: the first offsets that Kafka has, where a query begins that has never started.
    """
    if since is None or not last or len(begins) != len(last):
        return False
    return all(since.get(number, begins[number]) <= offset + 1 for number, offset in enumerate(last))


def are_at_hand(last: Sequence[int], bounds: Mapping[int, tuple[int, int]]) -> bool:
    """Return whether Kafka has every change behind these offsets, and not too many to find their rows in a snapshot.

    :param bounds: the first offset of each partition, and the one behind its last.
    """
    return (
        all(bounds[number][0] <= offset + 1 for number, offset in enumerate(last))
        and sum(bounds[number][1] - 1 - offset for number, offset in enumerate(last)) <= _OFFSETS
    )


def find_progress(
    config: Config, views: Sequence[View], started: Mapping[str, StartedFill], *, epoch: int
) -> Progress | None:
    """Return from where on a fill that was cut off is read; None where it begins again.

    :param views: of one table, of which nothing but this fill is missing.
    """
    found, names = noted_progress(views, started, epoch=epoch), [view.name for view in views]
    if found is None or not is_of(found, begin_progress(config, views, found.last)):
        return None
    return found if _have_followed(config, views, found) and not empty_tables(config, names) else None


def is_of(cut_off: Progress, now: Progress) -> bool:
    """Return whether what a fill that was cut off has read and computed is what one that begins now would."""
    is_there = {part.source for part in cut_off.parts} <= {part.source for part in now.parts}
    is_same = (cut_off.contracts, cut_off.timeline) == (now.contracts, now.timeline)
    return is_same and is_there and not are_others(now.parts, cut_off.parts)


def begin_progress(config: Config, views: Sequence[View], last: tuple[int, ...]) -> Progress:
    """Return the progress of a fill that begins.

    :param last: the last offset of each partition of the CDC topic.
    """
    contracts = {view.name: contract_of(view, Project.of(config).avro) for view in views}
    with connect(config.reading) as connection, connection.cursor() as cursor:
        cursor.execute(_TIMELINE)
        ((timeline,),) = cursor.fetchall()
        return Progress(contracts, last, timeline, tuple(read_parts(cursor, views[0].table)))


def _have_followed(config: Config, views: Sequence[View], progress: Progress) -> bool:
    root, topic = Layout.of(config).row_views, views[0].source_topic
    found = TopicAdmin(config.kafka.bootstrap).bounds({topic: len(progress.last)})
    bounds = {number: each for (_, number), each in found.items()}
    if any(isinstance(view, History) for view in views) and not are_at_hand(progress.last, bounds):
        return False
    begins = {number: begin for number, (begin, _) in bounds.items()}
    return all(
        has_followed(followed_since(root, topic, view.name, progress.contracts[view.name]), progress.last, begins)
        for view in views
    )
