"""The API that users come from, when it is the stand-in of this stack."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.config import Config
from penstock.console.look.http import get


@dataclass(frozen=True)
class ApiState:
    """The stand-in answers."""

    url: str
    version: str


def collect_api(config: Config) -> ApiState:
    """Ask for one user, as a load does."""
    info = get(config.api.at("/api/?results=1&seed=ready&inc=nat"))["info"]
    return ApiState(config.api.url, str(info.get("version", "")))
