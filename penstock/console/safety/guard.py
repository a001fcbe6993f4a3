"""Guard of all writing: nobody may unless the setting says so, then all with the token; every try is written down.

The check is in the services, not in routes or pages: a button's click never passes through a route.
"""

from __future__ import annotations

import hmac
import json
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from penstock.errors import PenstockError, TerminalError
from penstock.whole_file import write_whole

T = TypeVar("T")
_KEPT = 500


class ReadOnly(TerminalError):
    """The console is not set to write."""

    def __init__(self) -> None:
        super().__init__(
            "this console is read-only; set `write = true` under [console] in penstock.toml and `penstock up` again"
        )


class TokenWrong(TerminalError):
    """Writing needs the token."""

    def __init__(self, file: Path) -> None:
        super().__init__(f"writing needs the token: it is in {file} (header `Authorization: Bearer TOKEN`)")


@dataclass(frozen=True)
class Caller:
    """Who wants to change something, and the token that came along."""

    token: str | None
    who: str


@dataclass(frozen=True)
class Entry:
    """One try to change something; `at` in seconds since 1970."""

    at: float
    who: str
    action: str
    target: str
    outcome: str


class Guard:
    """Lets actions through, or not, and keeps the audit log (one JSON object a line, append-only)."""

    def __init__(self, folder: Path, *, write: bool) -> None:
        self.write = write
        self.token_file = folder / "token"
        self._log = folder / "audit.jsonl"
        self._lock = threading.Lock()
        self.entries: deque[Entry] = deque(self._read(), maxlen=_KEPT)
        self._token = self._load_token() if write else ""

    def is_token(self, token: str | None) -> bool:
        """Return whether this is the token, in constant time."""
        return self.write and hmac.compare_digest((token or "").encode(), self._token.encode())

    def perform(self, action: Callable[[], T], *, caller: Caller, what: str, target: str) -> T:
        """Do something that changes a system, when that is allowed; either way it is in the audit log.

        :raises ReadOnly: the setting forbids it.
        :raises TokenWrong: it was asked for without the token.
        """
        try:
            if not self.write:
                raise ReadOnly
            if not self.is_token(caller.token):
                raise TokenWrong(self.token_file)
            result = action()
        except PenstockError as exc:
            self._note(caller.who, what, target, f"refused: {exc}")
            raise
        except BaseException as exc:
            self._note(caller.who, what, target, f"failed: {exc!r}")
            raise
        self._note(caller.who, what, target, "done")
        return result

    def _note(self, who: str, action: str, target: str, outcome: str) -> None:
        entry = Entry(time.time(), who, action, target, (outcome.splitlines() or [""])[0][:500])
        with self._lock:
            self.entries.append(entry)
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("a", encoding="utf-8", errors="backslashreplace") as log:
                log.write(json.dumps(asdict(entry), ensure_ascii=False) + "\n")

    def _read(self) -> list[Entry]:
        if not self._log.exists():
            return []
        lines = self._log.read_text().splitlines()[-_KEPT:]
        return [Entry(**json.loads(line)) for line in lines if line.endswith("}")]

    def _load_token(self) -> str:
        if not self.token_file.exists():
            write_whole(self.token_file, secrets.token_urlsafe(24), mode=0o600)
        return self.token_file.read_text().strip()
