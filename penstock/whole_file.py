"""Writes a file in one step: a process that is killed, or reads meanwhile, leaves or finds the old text or the new."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}


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
    try:
        os.link(written, file)
    except FileExistsError:
        pass
    except OSError as exc:
        if exc.errno not in _NO_LINKS:
            raise
        _copy_once(Path(written), file)
    finally:
        Path(written).unlink()


def _copy_once(written: Path, file: Path) -> None:
    """Write a file where there are no links, as on exFAT and some mounts of the network."""
    with suppress(FileExistsError), os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as new:
        new.write(written.read_bytes())


def write_changed(files: Mapping[Path, str]) -> list[Path]:
    """Write the files whose text differs; return them."""
    changed = [file for file, text in files.items() if not file.exists() or file.read_text(encoding="utf-8") != text]
    for file in changed:
        write_whole(file, files[file])
    return changed
