"""The queries' progress on disk: for each CDC topic numbered checkpoints of Spark, the last of which is present.

A new number starts with the offsets from which to read, where the query cannot go on from its place
(`penstock views rebuild`). What is read twice is written with the same versions.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.offsets import Place, is_read
from penstock.whole_file import write_whole

EARLIEST = -2
"""Kafka's name for the beginning of a partition, in Spark's offsets."""

_STARTED = "penstock.json"
_ASKED = "commit-soon"
_FOLLOWED = "followed.json"
_LINES = {"metadata": 1, "commits": 2, "offsets": 3}
"""How many a whole file of Spark's has at least; the last one is JSON."""

Offsets = dict[str, dict[str, int]]
"""Topic to partition to the next offset, as Spark writes them."""


@dataclass(frozen=True)
class Checkpoint:
    """Where a query keeps its progress, and where it starts while there is none."""

    folder: Path
    starting: Offsets


def open_checkpoint(root: Path, topic: str, held: Mapping[int, tuple[int, int]]) -> Checkpoint:
    """Find the checkpoint of a topic, or start one at what was committed, or else at the earliest offsets.

    :param root: holds the checkpoints of all topics.
    :param held: of each partition the first offset that Kafka has, and the one behind its last.
    """
    last = last_checkpoint(root / topic)
    broken = [] if last is None else broken_files(last)
    at = {int(number): offset for number, offset in _progress_of(root, topic).items()}
    emptied = {number: end for number, (begin, end) in held.items() if is_read(at.get(number), begin, end)}
    if last is not None and started_at(last) and not broken and not emptied:
        return Checkpoint(last, started_at(last))
    for file in broken:
        print(f"{file} is cut short; the next checkpoint starts at the last place that can be read", flush=True)
    found = at | emptied
    return start_checkpoint(root, topic, {str(number): found.get(number, EARLIEST) for number in held})


def broken_files(folder: Path) -> list[Path]:
    """Return the files of a checkpoint that Spark cannot go on from: a full disk or a crash has cut them short."""
    logs = [name for name in _LINES if name != "metadata"]
    last = [folder / log / str(max(numbers)) for log in logs if (numbers := _numbers(folder / log))]
    metadata = [folder / "metadata"] if (folder / "metadata").exists() else []
    return [file for file in (*metadata, *last) if not _is_whole(file)]


def start_checkpoint(root: Path, topic: str, starting: Mapping[str, int]) -> Checkpoint:
    """Start the next checkpoint of a topic, whatever the one before holds; no query may run on it meanwhile.

    :param starting: partition to the next offset.
    """
    last = last_checkpoint(root / topic)
    folder = root / topic / str(int(last.name) + 1 if last is not None else 1)
    folder.mkdir(parents=True, exist_ok=True)
    # The folder counts from here on; before, a crash leaves an empty one that the next start uses.
    started = {topic: dict(starting)}
    (folder / _STARTED).write_text(json.dumps(started))
    return Checkpoint(folder, started)


def committed(root: Path, topics: Collection[str]) -> dict[Place, int]:
    """Read the offsets below which every record of these topics is processed, its results in Kafka.

    :returns: nothing of a topic whose query has not started.
    """
    return _reached({topic: _progress_of(root, topic) for topic in topics})


def progress_in(folder: Path) -> dict[Place, int]:
    """Read the same of one checkpoint of Spark; nothing before its query has started."""
    return _reached(_progress(folder))


def note_followed(root: Path, topic: str, contracts: Mapping[str, str], begins: Mapping[int, int]) -> None:
    """Note from which offsets on each view has every record of a topic; before a query with these views starts.

    A view that the query before had too keeps its place; one that it did not have begins where the query does.

    :param contracts: by view, what stands for what it computes: with another one it begins again.
    :param begins: the first offset of each partition that Kafka has.
    """
    known, at = _followed(root, topic), _progress_of(root, topic)
    since = {str(number): max(begin, at.get(str(number), begin)) for number, begin in begins.items()}
    noted = {
        view: before if (before := known.get(view, {})).get("contract") == contract else _follows(contract, since)
        for view, contract in contracts.items()
    }
    if noted != known:
        write_whole(root / topic / _FOLLOWED, json.dumps(noted))
    elif noted:
        (root / topic / _FOLLOWED).touch()


def began_s(root: Path, topic: str) -> float | None:
    """Read when the query of a topic last began, in seconds since 1970; None before the first time."""
    file = root / topic / _FOLLOWED
    return file.stat().st_mtime if file.exists() else None


def _follows(contract: str, since: Mapping[str, int]) -> dict[str, Any]:
    return {"contract": contract, "since": since}


def followed_since(root: Path, topic: str, view: str, contract: str) -> dict[int, int] | None:
    """Return from which offsets on a view has every record of a topic, until now and as long as its query is the same.

    :returns: None when the query is without the view; nothing of any partition before the query's first start.
    """
    if last_checkpoint(root / topic) is None:
        return {}
    found = _followed(root, topic).get(view, {})
    if found.get("contract") != contract:
        return None
    return {int(number): offset for number, offset in found["since"].items()}


def _followed(root: Path, topic: str) -> dict[str, dict[str, Any]]:
    file = root / topic / _FOLLOWED
    found: dict[str, dict[str, Any]] = json.loads(file.read_text()) if _is_whole(file) else {}
    return found


def remove_others(root: Path, topics: Collection[str]) -> None:
    """Remove the checkpoints of topics that no view reads: when one is read again, its place may be gone from Kafka."""
    for folder in root.glob("*"):
        if not folder.name.isdigit() and folder.name not in topics:
            shutil.rmtree(folder)


def ask_commit(root: Path, topic: str) -> None:
    """Ask the job to commit soon what it has processed of a topic; nothing of a topic that it does not read yet."""
    if (root / topic).exists():
        (root / topic / _ASKED).touch()


def is_asked(root: Path, topic: str) -> bool:
    """Return whether somebody waits for a commit."""
    return (root / topic / _ASKED).exists()


def take_ask(root: Path, topic: str) -> bool:
    """Return the same and forget it: what is asked from now on is another commit."""
    asked = is_asked(root, topic)
    (root / topic / _ASKED).unlink(missing_ok=True)
    return asked


def last_commit_s(root: Path, topic: str) -> float | None:
    """Read when the last batch of a topic was committed, in seconds since 1970; None before the first."""
    last = last_checkpoint(root / topic)
    return None if last is None else last_commit_in(last)


def last_commit_in(folder: Path) -> float | None:
    """Read the same of one checkpoint of Spark."""
    files = [folder / "commits" / str(number) for number in _numbers(folder / "commits")]
    return max((file.stat().st_mtime for file in files if file.exists()), default=None)


def last_batch_in(folder: Path) -> int:
    """Read the number of the last batch that a checkpoint of Spark has committed; -1 before the first."""
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


def _reached(offsets: Offsets) -> dict[Place, int]:
    return {place: offset for place, offset in by_place(offsets).items() if offset >= 0}


def last_checkpoint(root: Path) -> Path | None:
    """Return the present checkpoint of a topic: the highest number of those that have started."""
    folders = [folder for folder in root.glob("*") if folder.name.isdigit() and (folder / _STARTED).exists()]
    return max(folders, key=lambda folder: int(folder.name), default=None)


def started_at(folder: Path) -> Offsets:
    """Return where a checkpoint started; empty when that was not written whole, or by an earlier version."""
    file = folder / _STARTED
    found: Offsets = json.loads(file.read_text()) if _is_whole(file) else {}
    return found


def _progress_of(root: Path, topic: str) -> dict[str, int]:
    """Read how far a topic was processed: by its own query, or by that of a version that had one for all topics."""
    last = last_checkpoint(root / topic) or last_checkpoint(root)
    return {} if last is None else _progress(last).get(topic, {})


def _progress(folder: Path) -> Offsets:
    """Read the end of the last committed batch, as Spark logs it: a version, the batch's settings, a line a source.

    One whose file is broken does not count: what is read twice is written with the same versions. Before the first
    commit it is where the first batch begins, to which a query that died in it comes back.
    """
    for number in sorted(_numbers(folder / "commits") & _numbers(folder / "offsets"), reverse=True):
        file = folder / "offsets" / str(number)
        if _is_whole(file):
            found: Offsets = json.loads(file.read_text().splitlines()[-1])
            return found
    began = [_first_of(file) for file in folder.glob("sources/*/0") if _is_whole(file)]
    return next(filter(None, began), None) or started_at(folder)


def _first_of(file: Path) -> Offsets:
    """Read where a source begins; nothing of an aggregate's baseline, which is no topic but a file."""
    found: dict[str, Any] = json.loads(file.read_text().splitlines()[-1])
    return found if all(isinstance(offsets, dict) for offsets in found.values()) else {}


def _is_whole(file: Path) -> bool:
    """Return whether a file is there and has all of its lines, and whether the last one ends."""
    lines = file.read_text(errors="replace").splitlines() if file.exists() else []
    kind = file.name if file.name in _LINES else file.parent.name
    return len(lines) >= _LINES.get(kind, 1) and _is_object(lines[-1])


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _numbers(folder: Path) -> set[int]:
    names: Sequence[str] = [file.name for file in folder.glob("*")]
    return {int(name) for name in names if name.isdigit()}
