"""The query's progress on disk: one Spark checkpoint for each set of CDC topics; the next begins where the last ended.

Spark's Kafka source cannot lose a topic of its checkpoint (with failOnDataLoss it calls that lost data), and what it
does with one more is promised nowhere. So another set of topics gets another folder, with starting offsets: those that
the folder before had committed, the earliest for a new topic. What is read twice is written with the same versions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from penstock_views.broker import Place

EARLIEST = -2
"""Kafka's name for the beginning of a partition, in Spark's offsets."""

_BEGUN = "penstock.json"

Offsets = dict[str, dict[str, int]]
"""Topic to partition to the next offset, as Spark writes them."""


@dataclass(frozen=True)
class Checkpoint:
    """Where a query keeps its progress, and where it begins while there is none."""

    folder: Path
    starting: Offsets


def open_checkpoint(root: Path, partitions: dict[str, int]) -> Checkpoint:
    """Find the checkpoint of these topics, or begin one.

    :param root: holds the checkpoints, numbered; the highest is the present one.
    :param partitions: of each topic.
    """
    last = _last(root)
    if last is not None and set(_begun(last)) == set(partitions):
        return Checkpoint(last, _begun(last))
    before = {} if last is None else _progress(last)
    starting = {
        topic: {str(number): before.get(topic, {}).get(str(number), EARLIEST) for number in range(count)}
        for topic, count in sorted(partitions.items())
    }
    return begin_checkpoint(root, starting)


def begin_checkpoint(root: Path, starting: Offsets) -> Checkpoint:
    """Begin the next checkpoint, whatever the one before holds; no query may run on it meanwhile."""
    last = _last(root)
    folder = root / str(int(last.name) + 1 if last is not None and last != root else 1)
    folder.mkdir(parents=True, exist_ok=True)
    # The folder counts from here on; before, a crash leaves an empty one that is begun anew.
    (folder / _BEGUN).write_text(json.dumps(starting))
    return Checkpoint(folder, starting)


def committed(root: Path) -> dict[Place, int]:
    """Read the offsets below which every record is processed, its results in Kafka; none before the first commit."""
    last = _last(root)
    found = {} if last is None else _progress(last)
    return {place: offset for place, offset in by_place(found).items() if offset >= 0}


def last_batch(root: Path) -> int:
    """Read the number of the last batch that is committed; -1 before the first."""
    last = _last(root)
    return -1 if last is None else last_batch_in(last)


def last_batch_in(folder: Path) -> int:
    """Read the same of one checkpoint of Spark."""
    return max(_numbers(folder / "commits"), default=-1)


def by_topic(offsets: Mapping[Place, int]) -> Offsets:
    """Write offsets as Spark does."""
    found: Offsets = {}
    for (topic, number), offset in offsets.items():
        found.setdefault(topic, {})[str(number)] = offset
    return found


def by_place(offsets: Offsets) -> dict[Place, int]:
    """Read offsets as Spark writes them."""
    return {(topic, int(number)): offset for topic, of in offsets.items() for number, offset in of.items()}


def _last(root: Path) -> Path | None:
    folders = [folder for folder in root.glob("*") if folder.name.isdigit() and (folder / _BEGUN).exists()]
    if folders:
        return max(folders, key=lambda folder: int(folder.name))
    return root if (root / "commits").exists() else None  # of a version that knew one set of topics only


def _begun(folder: Path) -> Offsets:
    file = folder / _BEGUN
    found: Offsets = json.loads(file.read_text()) if file.exists() else {}
    return found


def _progress(folder: Path) -> Offsets:
    """Read the end of the last committed batch, as Spark logs it: a version, the batch's settings, a line a source."""
    batches = _numbers(folder / "commits") & _numbers(folder / "offsets")
    if not batches:
        return _begun(folder)
    lines = (folder / "offsets" / str(max(batches))).read_text().splitlines()
    found: Offsets = json.loads(lines[-1])
    return found


def _numbers(folder: Path) -> set[int]:
    names: Sequence[str] = [file.name for file in folder.glob("*")]
    return {int(name) for name in names if name.isdigit()}
