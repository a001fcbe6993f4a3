"""One command at a time changes a stack; a second one says which is at it, and ends.

The lock is the kernel's (flock(2)): it ends with the process that holds it, however that ends.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from penstock.config import Config
from penstock.errors import TransientError
from penstock.layout import Layout
from penstock.stack.named import note_name, refuse_other_name


class StackBusy(TransientError):
    """Another command is at it."""

    def __init__(self, command: str) -> None:
        super().__init__(f"{command} is at work on this stack; ask again when it has ended")


@contextmanager
def alone(config: Config, command: str) -> Iterator[None]:
    """Hold the right to change the stack.

    :param command: for whoever comes meanwhile.
    :raises StackBusy: with the command that holds it.
    :raises OtherName: the stack is of another installation.
    """
    refuse_other_name(config)
    file = Layout.of(config).run / "command.lock"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            held.seek(0)
            raise StackBusy(held.read() or "another command") from exc
        held.truncate(0)
        held.write(f"`{command}` (pid {os.getpid()}, since {time.strftime('%H:%M:%S')})")
        held.flush()
        note_name(config)
        yield
