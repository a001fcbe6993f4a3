"""Refuses what another web page sends through a visitor's browser: foreign hosts, foreign origins, websockets too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

_SAFE = {"GET", "HEAD", "OPTIONS"}
_LOCAL = ("localhost", "127.0.0.1", "::1")


class OriginGuard:
    """An ASGI middleware around everything that the console serves.

    :param hosts: the names by which it may be reached; a page of another name that points here (DNS rebinding) is none.
    """

    def __init__(self, app: Any, *, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = {*map(str.lower, hosts), *_LOCAL}  # as browsers send them

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass on what is allowed."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        problem = self._problem(scope)
        if problem is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": problem})
        else:
            await _refuse(send, problem)

    def _problem(self, scope: Any) -> str | None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get("host", "")
        if _name_of(host) not in self._hosts:
            return f"host {host!r} is not this console's; add it to console.allowed_hosts if it is"
        origin = headers.get("origin")
        asks = scope["type"] == "websocket" or scope["method"] not in _SAFE
        if asks and origin is not None and origin.partition("://")[2].lower() != host.lower():
            return f"a page of {origin!r} may not use this console"
        return None


def _name_of(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:  # half an IPv6 address
        return None


async def _refuse(send: Any, problem: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": problem.encode()})
