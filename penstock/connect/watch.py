"""The connect-watcher: asks Kafka Connect for its connectors for ever and restarts what failed.

`python -m penstock.connect.watch --url URL --file FILE`; FILE holds what it knows (`watch_file.py`) while it runs. The
policy is in `recovery.py`. A watcher that is started again begins to count again.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from penstock.address import Address, LetIn
from penstock.connect.api import ConnectApi
from penstock.connect.recovery import STEADY_S, Event, Kind, Recovery, follow, next_due_s
from penstock.connect.watch_file import Watch, Watched, how_often, write_watch
from penstock.errors import PenstockError

POLL_S = 2.0
_REQUEST_S = 5.0
"""Shorter than the file stays fresh: a Connect that hangs must not make the watcher look dead."""

Say = Callable[[str], None]


class Watcher:
    """One watcher of one Connect; `poll` is one look at it.

    :param ours: the folder of our connectors' files, where others have theirs in the same Connect.
    """

    def __init__(self, api: ConnectApi, *, url: str, file: Path, say: Say, ours: Path | None = None) -> None:
        self._api = api
        self._url = url
        self._file = file
        self._say = say
        self._ours = ours
        self._known: dict[str, Recovery] = {}
        self._trouble: type[PenstockError] | None = None

    def poll(self) -> float:
        """Look once, restart what is due, write the file; return the seconds to the next look."""
        self._look()
        now_s = time.monotonic()
        write_watch(self._file, self._written(now_s))
        due_s = next_due_s(self._known)
        return POLL_S if due_s is None else min(max(due_s - now_s, 0.1), POLL_S)

    def _look(self) -> None:
        try:
            found = {name: overview.status for name, overview in self._api.connectors().items()}
        except PenstockError as exc:
            self._say_once(exc)
            return
        if self._trouble is not None:
            self._trouble = None
            self._say("Kafka Connect answers again")
        statuses = {name: status for name, status in found.items() if self._is_ours(name)}
        now_s = time.monotonic()
        self._known, events = follow(self._known, statuses, now_s=now_s)
        for event in events:
            self._say(sentence(event, now_s=now_s))
            if event.kind is Kind.RESTART:
                self._restart(event.connector)

    def _is_ours(self, name: str) -> bool:
        return self._ours is None or (self._ours / f"{name}.json").exists()

    def _restart(self, name: str) -> None:
        """Restart what is FAILED of a connector; when that is refused, its next turn comes as after any restart."""
        try:
            self._api.restart(name, only_failed=True)
        except PenstockError as exc:
            self._say(f"{name}: not restarted: {exc}")

    def _say_once(self, trouble: PenstockError) -> None:
        if self._trouble is not type(trouble):
            self._trouble = type(trouble)
            self._say(f"waiting: {trouble}")

    def _written(self, now_s: float) -> Watch:
        connectors = {name: _as_written(recovery, now_s) for name, recovery in self._known.items()}
        return Watch(
            pid=os.getpid(), host=socket.gethostname(), written_at_s=time.time(), url=self._url, connectors=connectors
        )


def sentence(event: Event, *, now_s: float) -> str:
    """Return what happened as one line for the log."""
    name, recovery = event.connector, event.recovery
    wait_s = 0.0 if recovery.due_s is None else recovery.due_s - now_s
    failure = f"{', '.join(recovery.failed)} FAILED: {recovery.reason}"
    match event.kind:
        case Kind.FAILED:
            return f"{name}: {failure}; restart {recovery.restarts + 1} in {wait_s:.0f} s"
        case Kind.RESTART:
            return f"{name}: {failure}; restart {recovery.restarts} now, the next in {wait_s:.0f} s if it stays so"
        case Kind.RUNS:
            return f"{name}: runs again, {how_often(recovery.restarts)}"
        case Kind.STEADY:
            return f"{name}: ran for {STEADY_S / 60:.0f} min; its restarts count from zero again"
        case Kind.GONE:
            return f"{name}: no such connector any more, {how_often(recovery.restarts)}; forgotten"


def _as_written(recovery: Recovery, now_s: float) -> Watched:
    next_try_in_s = None if recovery.due_s is None else round(max(recovery.due_s - now_s, 0.0), 1)
    return Watched(restarts=recovery.restarts, next_try_in_s=next_try_in_s, reason=recovery.reason)


def main() -> None:
    """Watch until SIGTERM or SIGINT, then remove the file: nobody knows any more."""
    parser = argparse.ArgumentParser(description="Restarts failed connectors of one Kafka Connect.")
    parser.add_argument("--url", required=True)
    parser.add_argument("--other-url", action="append", default=[], help="of another worker of the same group")
    parser.add_argument("--file", required=True, type=Path)
    parser.add_argument("--ours", type=Path, help="folder of our connectors' files, where Connect has others too")
    parser.add_argument("--user")
    parser.add_argument("--password-file", type=Path)
    parser.add_argument("--ca-file", type=Path)
    arguments = parser.parse_args()
    let_in = LetIn(arguments.user, arguments.password_file, None, arguments.ca_file)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    _say(f"watching {arguments.url} every {POLL_S:.0f} s")
    with ConnectApi(Address(arguments.url, let_in, tuple(arguments.other_url)), timeout_s=_REQUEST_S) as api:
        watcher = Watcher(api, url=arguments.url, file=arguments.file, say=_say, ours=arguments.ours)
        while not stopped.wait(watcher.poll()):
            pass
    arguments.file.unlink(missing_ok=True)
    _say("stopped")


def _say(line: str) -> None:
    print(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}", flush=True)


if __name__ == "__main__":
    main()
