"""Who calls, as far as the request says."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Request

from penstock.console.safety.guard import Caller


def caller(request: Request, authorization: Annotated[str | None, Header()] = None) -> Caller:
    """Read `Authorization: Bearer TOKEN`."""
    token = (authorization or "").removeprefix("Bearer ").strip() or None
    return Caller(token, f"api {request.client.host if request.client else '?'}")


CallerOf = Annotated[Caller, Depends(caller)]
