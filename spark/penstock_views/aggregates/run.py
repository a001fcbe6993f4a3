"""One life of an aggregate: from a snapshot of its table on, every change is counted that the snapshot had not seen.

A life is a folder that holds where it began (`life.json`), the sums of then (`baseline`), and Spark's progress since
(`checkpoint`). Without it, the next life begins: deleting the folder of an aggregate is all that a rebuild takes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from penstock.contract import OFFSETS_PER_GENERATION
from penstock.offsets import Place
from penstock_views.snapshot.seen import Snapshot
from penstock_views.stream.checkpoint import broken_files, by_place, by_topic

_FILE = "life.json"
_NEXT = "next"
_END = "end"
_CHECKPOINT = "checkpoint"
ROWS_OF_A_CHANGE = 2


@dataclass(frozen=True)
class Life:
    """Where a life begins.

    :param epoch: that of the records that it counts.
    :param starts: the offsets from which it reads the CDC topic.
    :param ends: where the topic ended when it began; its first micro-batch reads as far, or further.
    :param number: of its baseline; its versions are above those of every life before.
    :param measures: the type of its sums, as JSON.
    """

    folder: Path
    revision: int
    epoch: int
    snapshot: Snapshot
    starts: Mapping[Place, int]
    ends: Mapping[Place, int]
    number: int
    measures: str

    @property
    def baseline(self) -> Path:
        """The folder of the sums as of the snapshot."""
        return self.folder / "baseline"

    @property
    def checkpoint(self) -> Path:
        """The folder of Spark's progress."""
        return self.folder / _CHECKPOINT

    @property
    def first_version(self) -> int:
        """The lowest version that it writes; a row of the view with a lower one is left over from a life before."""
        return (self.epoch + self.revision - 1) * OFFSETS_PER_GENERATION + self.number

    def followed(self, starts: Mapping[Place, int], ends: Mapping[Place, int]) -> Life:
        """Make the life of the same snapshot that goes on from where this one has come to.

        :param starts: up to where this one has counted.
        :param ends: where the topic ends now.
        """
        number = self.number + ROWS_OF_A_CHANGE * (sum(ends.values()) - sum(self.ends.values()))
        return replace(self, folder=next_folder(self.folder.parent, number), starts=starts, ends=ends, number=number)


def life_number(ends: Mapping[Place, int], snapshot_number: int) -> int:
    """Give the baseline of a life a number above that of every group in every life before.

    A group's number rises by one for each row that comes to it or leaves it at an offset beyond the ends that its life
    began with, so by at most two for each offset (docs/contracts.md, "Version of an aggregate"); the snapshot's own
    number rises even when the ends stay where they are.
    """
    return ROWS_OF_A_CHANGE * sum(ends.values()) + snapshot_number


def life_root(folder: Path, view: str) -> Path:
    """Name the folder of an aggregate's lives, below that of all aggregates."""
    return folder / view


def ask_end(root: Path) -> None:
    """Ask the job to end the life of an aggregate and to begin its next; nothing of one that has none."""
    if root.exists():
        (root / _END).touch()


def is_to_end(root: Path) -> bool:
    """Tell whether somebody asked for it, and it is not done."""
    return (root / _END).exists()


def current_life(root: Path) -> Life | None:
    """Read the life that an aggregate is in, if it is in any; one whose files are cut short has ended.

    :param root: the aggregate's folder.
    """
    files = sorted(root.glob(f"life-*/{_FILE}"))
    told = _told(files[-1]) if files else None
    if told is None or broken_files(files[-1].parent / _CHECKPOINT):
        return None
    snapshot = Snapshot(told["snapshot"]["xmax"], tuple(told["snapshot"]["running"]), told["snapshot"]["lsn"])
    if "ends" not in told:
        return None  # of a version that numbered micro-batches: the next life's versions are above all of them
    return Life(
        files[-1].parent,
        told["revision"],
        told["epoch"],
        snapshot,
        by_place(told["starts"]),
        by_place(told["ends"]),
        told["number"],
        json.dumps(told["measures"]),
    )


def _told(file: Path) -> dict[str, Any] | None:
    try:
        told: dict[str, Any] = json.loads(file.read_text())
    except (ValueError, FileNotFoundError):
        return None  # cut short, or the next life has just begun
    return told


def is_in_place(life: Life) -> bool:
    """Tell whether a life lies where it began; false of one of a version that did not note it.

    Spark notes the files of the baseline by their whole paths: where the state was moved to, it would read and count
    all of them once more, or look for the last of them where it was.
    """
    noted = json.loads((life.folder / _FILE).read_text()).get("folder")
    return bool(noted == str(life.folder.absolute()))


def prepare_next(root: Path) -> Path:
    """Make the empty folder in which the baseline of the next life is written."""
    folder = root / _NEXT
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def next_folder(root: Path, number: int) -> Path:
    """Name the folder of a life; later ones sort behind earlier ones."""
    return root / f"life-{number:020}"


def begin(life: Life) -> None:
    """Let a life begin whose baseline is written: all of it at once, or not at all; lives before it end."""
    root = life.folder.parent
    told = {
        "folder": str(life.folder.absolute()),
        "revision": life.revision,
        "epoch": life.epoch,
        "number": life.number,
        "starts": by_topic(life.starts),
        "ends": by_topic(life.ends),
        "snapshot": {"xmax": life.snapshot.xmax, "running": life.snapshot.running, "lsn": life.snapshot.lsn},
        "measures": json.loads(life.measures),
    }
    (root / _NEXT / _FILE).write_text(json.dumps(told, indent=2))
    before = list(root.glob("life-*"))
    (root / _NEXT).rename(life.folder)
    for folder in before:
        shutil.rmtree(folder)
