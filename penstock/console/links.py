"""Links to pages of the control center."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote


def path_to(*parts: str, **query: Any) -> str:
    """Build a link within the console."""
    path = "/".join(quote(part, safe="") for part in parts)
    asked = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in query.items() if value not in (None, ""))
    return f"/{path}" + (f"?{asked}" if asked else "")
