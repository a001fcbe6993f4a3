"""Writes a file in one step: a process that is killed, or reads meanwhile, leaves or finds the old text or the new."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


def write_whole(file: Path, text: str, *, mode: int = 0o666) -> None:
    """Replace a file's text, in UTF-8; its folder is made where it lacks.

    :param mode: of a new file, less what the process's umask takes away.
    """
    place = file.resolve()  # what a link names is written, not the link
    place.parent.mkdir(parents=True, exist_ok=True)
    written = place.with_name(f".{place.name}.new")
    written.unlink(missing_ok=True)
    written.touch(mode)
    written.write_text(text, encoding="utf-8")
    written.replace(place)


def write_once(file: Path, text: str) -> None:
    """Write a file, readable by its owner alone, unless it is there; of several processes one succeeds."""
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, written = tempfile.mkstemp(dir=file.parent)  # of mode 600
    with os.fdopen(descriptor, "w", encoding="utf-8") as new:
        new.write(text)
    with suppress(FileExistsError):
        os.link(written, file)
    Path(written).unlink()


def write_changed(files: Mapping[Path, str]) -> list[Path]:
    """Write the files whose text differs; return them."""
    changed = [file for file, text in files.items() if not file.exists() or file.read_text(encoding="utf-8") != text]
    for file in changed:
        write_whole(file, files[file])
    return changed
