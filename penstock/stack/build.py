"""Stands for the code that a part runs, by the contents of its files: an upgrade, and nothing else, gives another one.

The launcher puts it into the environment of the process. What the files are by then, `supervisor.py` compares with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import file_digest, sha256
from pathlib import Path

from penstock.clone import ROOT

_PACKAGES = "lib/python3.11/site-packages"
AIRFLOW = (ROOT / ".servers/airflow-venv" / _PACKAGES,)
OURS = (ROOT / "penstock", ROOT / "spark/penstock_views", ROOT / ".venv" / _PACKAGES)
"""Of a part that is Python of ours; the views and `penstock.toml` are read by each part in its own way."""
_MADE = frozenset({".jsa", ".log", ".pyc"})
"""Files beside the code that its processes or `make setup` write."""


def build_of(places: Iterable[str | Path]) -> str:
    """Return a digest of files, of all files in folders, and of the versions in a folder of Python packages."""
    digest = sha256()
    for file in sorted({file for place in places for file in _files(Path(place))}):
        status = file.stat()
        digest.update(f"{file}\n".encode() + _digest(file, status.st_mtime_ns, status.st_size))
    return digest.hexdigest()[:16]


def _files(place: Path) -> Iterator[Path]:
    # A package's folder has its version in its name; the lock file's hashes say what that is.
    pattern = "*.dist-info/WHEEL" if place.name == "site-packages" else "**/*"
    for file in place.glob(pattern) if place.is_dir() else (place,):
        if file.is_file() and file.suffix not in _MADE and not file.name.startswith("."):
            yield file


@cache
def _digest(file: Path, _mtime_ns: int, _size: int) -> bytes:
    """Read a file once, as it is then: parts share many."""
    with file.open("rb") as opened:
        return file_digest(opened, "sha256").digest()
