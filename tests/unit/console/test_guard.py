"""Who may write, what is written down, and what other pages cannot do through a visitor's browser."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path
from typing import Any

import pytest

from penstock.console.safety.guard import Caller, Guard, ReadOnly, TokenWrong
from penstock.console.safety.origin import OriginGuard


def perform(guard: Guard, done: list[str], *, token: str | None) -> None:
    guard.perform(lambda: done.append("x"), caller=Caller(token, "test"), what="restart", target="sink")


def test_a_read_only_console_does_nothing_and_notes_the_try(tmp_path: Path) -> None:
    guard, done = Guard(tmp_path, write=False), list[str]()
    with pytest.raises(ReadOnly, match="write = true"):
        perform(guard, done, token="")
    assert not done
    assert [entry.outcome.split(":")[0] for entry in guard.entries] == ["refused"]


def test_writing_needs_the_token(tmp_path: Path) -> None:
    guard, done = Guard(tmp_path, write=True), list[str]()
    for token in (None, "", "wrong"):
        with pytest.raises(TokenWrong):
            perform(guard, done, token=token)
    perform(guard, done, token=guard.token_file.read_text())
    assert done == ["x"]


def test_the_token_is_readable_by_its_owner_only_and_stays(tmp_path: Path) -> None:
    token = Guard(tmp_path, write=True).token_file
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    before = token.read_text()
    Guard(tmp_path, write=True)
    assert token.read_text() == before


@pytest.mark.parametrize("left", ["", "\n", " \n\n"])
def test_an_empty_file_holds_no_token_and_lets_nobody_write(tmp_path: Path, left: str) -> None:
    (tmp_path / "token").write_text(left)
    guard, done = Guard(tmp_path, write=True), list[str]()
    for token in (None, "", left):
        assert not guard.is_token(token)
        with pytest.raises(TokenWrong):
            perform(guard, done, token=token)
    assert guard.is_token(guard.token_file.read_text())


def test_the_audit_log_outlives_the_console_and_never_holds_the_token(tmp_path: Path) -> None:
    guard = Guard(tmp_path, write=True)
    token = guard.token_file.read_text()
    perform(guard, [], token=token)
    assert [entry.outcome for entry in Guard(tmp_path, write=True).entries] == ["done"]
    assert token not in (tmp_path / "audit.jsonl").read_text()


@pytest.mark.parametrize(
    "left",
    [
        b'{"at": 1.0, "who": "cut o',
        b'{"at": 1.0, "who": "a", "action": "pause", "target": "a\xe2\x80\xa8b", "outcome": "done"}\n',
        b'{"when": "another version"}\n{"at": "soon", "who": 1}\n[]\n\xff\n\n',
    ],
    ids=["disk full", "line separator", "others"],
)
def test_a_line_of_the_audit_log_that_cannot_be_read_stops_no_console(tmp_path: Path, left: bytes) -> None:
    (tmp_path / "audit.jsonl").write_bytes(left)
    guard = Guard(tmp_path, write=False)
    with pytest.raises(ReadOnly):
        guard.perform(lambda: None, caller=Caller(None, "test"), what="pause", target="a\u2028b\x85c" + "d" * 9000)
    entry = Guard(tmp_path, write=False).entries[-1]
    assert (entry.outcome[:7], entry.target[:5], len(entry.target)) == ("refused", "a\u2028b\x85c", 500)


def test_of_a_long_audit_log_the_newest_entries_are_read(tmp_path: Path) -> None:
    line = b'{"at": %d, "who": "w", "action": "a", "target": "t", "outcome": "done"}\n'
    (tmp_path / "audit.jsonl").write_bytes(b"".join(line % at for at in range(60_000)))
    assert [entry.at for entry in Guard(tmp_path, write=False).entries] == list(range(59_500, 60_000))


def test_what_fails_is_noted_as_failed(tmp_path: Path) -> None:
    guard = Guard(tmp_path, write=True)
    token = guard.token_file.read_text()
    with pytest.raises(ZeroDivisionError):
        guard.perform(lambda: 1 // 0, caller=Caller(token, "t"), what="divide", target="1")
    assert guard.entries[-1].outcome.startswith("failed")


def ask(kind: str, *, method: str = "GET", host: str = "127.0.0.1:9021", origin: str | None = None) -> str:
    """Say what becomes of a request: `passed`, or what the guard sends instead."""
    seen: list[str] = []

    async def app(*_: Any) -> None:
        seen.append("passed")

    async def send(message: Any) -> None:
        seen.append(str(message.get("status") or message["type"]))

    headers = [(b"host", host.encode())] + ([(b"origin", origin.encode())] if origin else [])
    scope = {"type": kind, "method": method, "headers": headers}
    asyncio.run(OriginGuard(app, hosts=["Console.lan"])(scope, None, send))
    return seen[0]


def test_the_console_serves_its_own_pages() -> None:
    assert ask("http") == "passed"
    assert ask("http", method="POST", origin="http://127.0.0.1:9021") == "passed"
    assert ask("websocket", origin="http://127.0.0.1:9021") == "passed"
    assert ask("http", host="console.lan:9021") == "passed"
    assert ask("http", method="POST") == "passed"  # a program, not a browser: the token decides


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:8080", "null"])
def test_other_pages_can_neither_write_nor_open_a_websocket(origin: str) -> None:
    assert ask("http", method="POST", origin=origin) == "403"
    assert ask("websocket", origin=origin) == "websocket.close"


def test_a_name_is_the_same_in_small_letters() -> None:
    assert ask("http", host="CONSOLE.lan:9021", method="POST", origin="http://console.LAN:9021") == "passed"


def test_half_an_address_is_foreign() -> None:
    assert ask("http", host="[::1") == "403"
    assert ask("http", method="POST", origin="http://[::1") == "403"


def test_a_name_that_points_here_is_not_this_console() -> None:
    assert ask("http", host="evil.example:9021", origin="http://evil.example:9021") == "403"
