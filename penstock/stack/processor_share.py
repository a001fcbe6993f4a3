"""Share of the processors of a part when there are too few: as much as any other's, however many threads it runs.

Linux divides processor time between sessions first, then between the threads of each (sched(7), "The autogroup
feature"). All parts in the supervisor's session would be threads of one; containers divide it by container.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from pathlib import Path

from penstock.wait import NotInTime, wait_until

_AUTOGROUP = Path("/proc/self/autogroup")
_PATIENCE_S = 2.0
"""Linux lets an ordinary user change one such group in a tenth of a second, and many parts start at a time."""


def share_as_one(nice: int) -> None:
    """Make this process, and what it becomes and starts, one session.

    :param nice: how far it steps back for other sessions, 0 to 19; where the system does not divide by session, for
        other processes.
    """
    if not _leads_a_session():
        # Its supervisor can have died just now: then it shares as it did, but starts.
        with suppress(PermissionError):
            _begin_session()
    os.nice(nice)
    # A session that it does not lead is that of others too.
    if nice and _AUTOGROUP.exists() and _leads_a_session():
        # A part that cannot step back is no reason not to start it.
        with suppress(OSError, NotInTime):
            wait_until(partial(_has_stepped_back, nice), timeout_s=_PATIENCE_S, what="a session steps back")


def _leads_a_session() -> bool:
    return os.getsid(0) == os.getpid()


def _begin_session() -> None:
    # The leader of a process group may not begin a session (setsid(2)), and supervisord made it one.
    os.setpgid(0, os.getpgid(os.getppid()))
    os.setsid()


def _has_stepped_back(nice: int) -> bool:
    try:
        _AUTOGROUP.write_text(str(nice))
    except BlockingIOError:
        return False
    return True
