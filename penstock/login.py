"""Login: lets only those use a server of ours who know its password, or its token; pages and websockets alike."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Callable
from typing import Any

_ASK = [(b"content-type", b"text/plain; charset=utf-8"), (b"www-authenticate", b'Basic realm="Penstock"')]


class Login:
    """An ASGI middleware around everything that a server of ours serves.

    :param is_token: whether a bearer token lets its holder in; without it none does.
    """

    def __init__(
        self, app: Any, *, user: str, password: str, is_token: Callable[[str], bool] = lambda _: False
    ) -> None:
        self._app = app
        # Behind an empty file of a password nobody is let in, not everybody.
        self._basic = b64encode(f"{user}:{password}".encode()) if password else b""
        self._is_token = is_token

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass on a client that is known."""
        if scope["type"] not in {"http", "websocket"} or self._knows(dict(scope["headers"])):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "who are you?"})
        else:
            await send({"type": "http.response.start", "status": 401, "headers": _ASK})
            await send({"type": "http.response.body", "body": b"this server asks for a user and a password"})

    def _knows(self, headers: dict[bytes, bytes]) -> bool:
        kind, _, shown = headers.get(b"authorization", b"").partition(b" ")
        if kind.lower() == b"basic":
            return bool(self._basic) and hmac.compare_digest(shown.strip(), self._basic)
        return kind.lower() == b"bearer" and self._is_token(shown.decode("latin-1"))
