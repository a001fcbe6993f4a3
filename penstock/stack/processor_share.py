"""What a part gets of the processors when there are too few: as much as any other part, however many threads it runs.

Linux divides processor time between sessions first, then between the threads of each (sched(7), "The autogroup
feature"). All parts in the supervisor's session would be threads of one; containers divide it by container.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

_AUTOGROUP = Path("/proc/self/autogroup")
_PATIENCE_S = 2.0
"""Linux lets an ordinary user change one such group in a tenth of a second, and many parts start at a time."""


def share_as_one(nice: int) -> None:
    """Make this process, and what it becomes and starts, one session.

    :param nice: how far it steps back for other sessions, 0 to 19; where the system does not divide by session, for
        other processes.
    """
    if os.getsid(0) != os.getpid():
        # Its supervisor can have died just now: then it shares as it did, but starts.
        with suppress(PermissionError):
            _begin_session()
    os.nice(nice)
    if nice and _AUTOGROUP.exists():
        _step_back(nice)


def _begin_session() -> None:
    # The leader of a process group may not begin a session (setsid(2)), and supervisord made it one.
    os.setpgid(0, os.getpgid(os.getppid()))
    os.setsid()


def _step_back(nice: int) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        try:
            _AUTOGROUP.write_text(str(nice))
        except BlockingIOError:
            time.sleep(0.1)
        except OSError:
            return  # a system that has none after all; `os.nice` is what can be done
        else:
            return
