"""Tries whether a folder's file system takes writes that pass the page cache by.

Cassandra's own `auto` asks only whether the size of a block is known, and takes direct writes for granted then.
"""

from __future__ import annotations

import mmap
import os
from contextlib import suppress
from pathlib import Path

_BLOCK = 4096
"""Bytes; such a write begins and ends at a multiple of the disk's blocks, in memory too."""


def takes_direct_io(folder: Path) -> bool:
    """Return whether a folder takes writes with O_DIRECT (open(2)): tmpfs and network file systems may refuse.

    :param folder: exists; a file is written into it and removed again.
    :raises OSError: nothing can be written there at all.
    """
    direct = getattr(os, "O_DIRECT", None)  # macOS has none
    if direct is None:
        return False
    probe = folder / ".direct-io"
    probe.touch()
    try:
        return _can_write(probe, direct)
    finally:
        probe.unlink()


def _can_write(file: Path, flag: int) -> bool:
    with suppress(OSError), mmap.mmap(-1, _BLOCK) as page:
        descriptor = os.open(file, os.O_WRONLY | flag)
        try:
            return os.write(descriptor, page) == _BLOCK
        finally:
            os.close(descriptor)
    return False
