"""Takes passwords, salts and hashes out of an answer before anything else sees it: what is not there cannot leak.

An address, which somebody may have written with a login, is shown without it.
"""

from __future__ import annotations

import re
from typing import Any

_SAFE_OF_LOGIN = ("uuid", "username")
_SECRET_KEYS = frozenset({"password", "salt", "md5", "sha1", "sha256"})
_IN_ADDRESS = (
    re.compile(r"(?<=://)[^/?#\s]*@"),
    re.compile(r"(?<=[?&])([\w.-]*(?:key|token|secret|pass|pwd|auth|sig)[\w.-]*=)[^&#\s]*", re.IGNORECASE),
)


def without_login(text: str) -> str:
    """Return an address, or a text with some, without user, password and key."""
    user, key = _IN_ADDRESS
    return key.sub(r"\1•••", user.sub("•••@", text))


def without_secrets(value: Any) -> Any:
    """Return a copy of a JSON value without secrets.

    Of `login` only the uuid and the username stay (nothing of a `login` that is no object). Elsewhere every key goes
    that is named like a secret.
    """
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    if isinstance(value, dict):
        return {key: _field(key, item) for key, item in value.items() if key.lower() not in _SECRET_KEYS}
    return value


def _field(key: str, value: Any) -> Any:
    if key.lower() != "login":
        return without_secrets(value)
    if not isinstance(value, dict):
        return None
    return {name: without_secrets(value[name]) for name in _SAFE_OF_LOGIN if name in value}
