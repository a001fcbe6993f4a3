"""Takes passwords, salts and hashes out of an answer before anything else sees it: what is not there cannot leak.

An address, which somebody may have written with a login, is shown without it.
"""

from __future__ import annotations

import re
from typing import Any

_SAFE_OF_LOGIN = ("uuid", "username")
_DEEPEST = 20
"""Below a user; no user of the API is a quarter as deep, and a row holds nothing of what is."""
_SECRET_KEYS = frozenset({"password", "salt", "md5", "sha1", "sha256"})
_IN_ADDRESS = (
    re.compile(r"(?<=://)[^/?#\s]*@"),
    re.compile(r"(?<=[?&])([\w.-]*(?:key|token|secret|pass|pwd|auth|sig)[\w.-]*=)[^&#\s]*", re.IGNORECASE),
)


def without_login(text: str) -> str:
    """Return an address, or a text with some, without user, password and key."""
    user, key = _IN_ADDRESS
    return key.sub(r"\1•••", user.sub("•••@", text))


def without_secrets(value: Any, *, depth: int = -1) -> Any:
    """Return a copy of the users of a page without secrets, and without what is too deep for the rest of the loader.

    Of `login` only the uuid and the username stay (nothing of a `login` that is no object). Elsewhere every key goes
    that is named like a secret.
    """
    if not isinstance(value, dict | list):
        return value
    if depth > _DEEPEST:
        return "…"
    below = depth + 1
    if isinstance(value, list):
        return [without_secrets(item, depth=below) for item in value]
    return {key: _field(key, item, below) for key, item in value.items() if key.lower() not in _SECRET_KEYS}


def _field(key: str, value: Any, depth: int) -> Any:
    if key.lower() != "login":
        return without_secrets(value, depth=depth)
    if not isinstance(value, dict):
        return None
    return {name: without_secrets(value[name], depth=depth + 1) for name in _SAFE_OF_LOGIN if name in value}
