"""One run of an aggregate: from a snapshot of its table on, every change is counted that the snapshot had not seen.

A run is a folder that holds where it started (`life.json`), the sums of then (`baseline`), and Spark's progress since
(`checkpoint`). Without it, the next run starts: deleting the folder of an aggregate is all that a rebuild takes.
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

# The names on disk are older than the word: a job goes on with the runs of an earlier version.
_FILE = "life.json"
_FOLDER = "life-"
_NEXT = "next"
_END = "end"
_CHECKPOINT = "checkpoint"
ROWS_OF_A_CHANGE = 2


@dataclass(frozen=True)
class Run:
    """Where a run starts.

    :param epoch: that of the records that it counts.
    :param starts: the offsets from which it reads the CDC topic.
    :param ends: where the topic ended when it began; its first micro-batch reads as far, or further.
    :param number: of its baseline; its versions are above those of every earlier run.
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
        """The lowest version that it writes; a row of the view with a lower one is left over from an earlier run."""
        return (self.epoch + self.revision - 1) * OFFSETS_PER_GENERATION + self.number

    def followed(self, starts: Mapping[Place, int], ends: Mapping[Place, int]) -> Run:
        """Make the run of the same snapshot that goes on from where this one has come to.

        :param starts: up to where this one has counted.
        :param ends: where the topic ends now.
        """
        number = self.number + ROWS_OF_A_CHANGE * (sum(ends.values()) - sum(self.ends.values()))
        return replace(self, folder=run_folder(self.folder.parent, number), starts=starts, ends=ends, number=number)


def run_number(ends: Mapping[Place, int], snapshot_number: int) -> int:
    """Give the baseline of a run a number above that of every group in every earlier run.

    A group's number rises by one for each row that comes or leaves at an offset beyond the ends of its run's start. So
    it rises by at most two for each offset (docs/contracts.md, "Version of an aggregate"). The snapshot's own number
    rises even when the ends stay where they are.
    """
    return ROWS_OF_A_CHANGE * sum(ends.values()) + snapshot_number


def runs_folder(folder: Path, view: str) -> Path:
    """Name the folder of an aggregate's runs, below that of all aggregates."""
    return folder / view


def ask_next_run(root: Path) -> None:
    """Ask the job to end the run of an aggregate and to start the next; nothing of one that has none."""
    if root.exists():
        (root / _END).touch()


def is_next_run_asked(root: Path) -> bool:
    """Return whether somebody asked for it, and it is not done."""
    return (root / _END).exists()


def current_run(root: Path) -> Run | None:
    """Read the run that an aggregate is in, if it is in any; one whose files are cut short has ended.

    :param root: the aggregate's folder.
    """
    files = sorted(root.glob(f"{_FOLDER}*/{_FILE}"))
    noted = _read_noted(files[-1]) if files else None
    if noted is None or broken_files(files[-1].parent / _CHECKPOINT):
        return None
    snapshot = Snapshot(noted["snapshot"]["xmax"], tuple(noted["snapshot"]["running"]), noted["snapshot"]["lsn"])
    if "ends" not in noted:
        return None  # of a version that numbered micro-batches: the next run's versions are above all of them
    return Run(
        files[-1].parent,
        noted["revision"],
        noted["epoch"],
        snapshot,
        by_place(noted["starts"]),
        by_place(noted["ends"]),
        noted["number"],
        json.dumps(noted["measures"]),
    )


def _read_noted(file: Path) -> dict[str, Any] | None:
    try:
        noted: dict[str, Any] = json.loads(file.read_text())
    except (ValueError, FileNotFoundError):
        return None  # cut short, or the next run has just started
    return noted


def is_in_place(run: Run) -> bool:
    """Return whether a run lies where it started; false of one of a version that did not note it.

    Spark notes the files of the baseline by their whole paths. Where the state was moved to, it would count all of them
    once more, or look for the last of them where it was.
    """
    noted = json.loads((run.folder / _FILE).read_text()).get("folder")
    return bool(noted == str(run.folder.absolute()))


def prepare_next_run(root: Path) -> Path:
    """Make the empty folder in which the baseline of the next run is written."""
    folder = root / _NEXT
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def run_folder(root: Path, number: int) -> Path:
    """Name the folder of a run; later ones sort behind earlier ones."""
    return root / f"{_FOLDER}{number:020}"


def start_run(run: Run) -> None:
    """Start a run whose baseline is written: all of it at once, or not at all; earlier runs end."""
    root = run.folder.parent
    noted = {
        "folder": str(run.folder.absolute()),
        "revision": run.revision,
        "epoch": run.epoch,
        "number": run.number,
        "starts": by_topic(run.starts),
        "ends": by_topic(run.ends),
        "snapshot": {"xmax": run.snapshot.xmax, "running": run.snapshot.running, "lsn": run.snapshot.lsn},
        "measures": json.loads(run.measures),
    }
    (root / _NEXT / _FILE).write_text(json.dumps(noted, indent=2))
    before = list(root.glob(f"{_FOLDER}*"))
    (root / _NEXT).rename(run.folder)
    for folder in before:
        shutil.rmtree(folder)
