"""Guard of all writing: nobody may unless the setting says so, then all with the token; every try is written down.

The check is in the services, not in routes or pages: a button's click never passes through a route.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

from pydantic import TypeAdapter

from penstock.errors import PenstockError, TerminalError
from penstock.whole_file import write_whole

T = TypeVar("T")
_KEPT = 500
_LONGEST = 500
"""Characters of each text of an entry: anybody may ask, with a target of any length."""
_READ = _KEPT * 4 * 12 * _LONGEST
"""Bytes that hold the newest entries in any case: of four texts, of which JSON writes a character with 12 at most."""


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


_ENTRY = TypeAdapter(Entry)


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
        """Return whether this is the token, in constant time; nobody has one where the console does not write."""
        return bool(self._token) and hmac.compare_digest((token or "").encode(), self._token.encode())

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
        texts = (text[:_LONGEST] for text in (who, action, target, (outcome.splitlines() or [""])[0]))
        entry = Entry(time.time(), *texts)
        with self._lock:
            self.entries.append(entry)
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("ab+") as log:
                # A disk that was full has left half a line, at whose end this one could not be read.
                begin = b"" if _ends_a_line(log) else b"\n"
                log.write(begin + json.dumps(asdict(entry)).encode() + b"\n")

    def _read(self) -> list[Entry]:
        """Read the newest entries; a line that is none is left out."""
        if not self._log.exists():
            return []
        with self._log.open("rb") as log:
            log.seek(-min(_READ, self._log.stat().st_size), os.SEEK_END)
            lines = log.read().split(b"\n")
        return [entry for line in lines if (entry := _entry(line))]

    def _load_token(self) -> str:
        known = self.token_file.read_text().strip() if self.token_file.exists() else ""
        if not known:
            known = secrets.token_urlsafe(24)
            write_whole(self.token_file, known, mode=0o600)
        return known


def _ends_a_line(log: BinaryIO) -> bool:
    if not log.seek(0, os.SEEK_END):
        return True
    log.seek(-1, os.SEEK_END)
    return log.read(1) == b"\n"


def _entry(line: bytes) -> Entry | None:
    try:
        return _ENTRY.validate_json(line)
    except ValueError:
        return None
