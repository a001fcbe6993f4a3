"""Who calls, as far as the request says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request


@dataclass(frozen=True)
class Caller:
    """Who calls, and the token that came along."""

    token: str | None
    who: str


def caller(request: Request, authorization: Annotated[str | None, Header()] = None) -> Caller:
    """Read `Authorization: Bearer TOKEN`."""
    token = (authorization or "").removeprefix("Bearer ").strip() or None
    return Caller(token, f"api {request.client.host if request.client else '?'}")


CallerOf = Annotated[Caller, Depends(caller)]
