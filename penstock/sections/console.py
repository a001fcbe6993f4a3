"""The control center."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from penstock.address import Address
from penstock.sections.part import Port, is_host
from penstock.sections.web import WebServer


def _host(name: str) -> str:
    """Refuse what is no name alone: a browser's request is compared without its port."""
    try:
        ip_address(name)
    except ValueError:
        if not is_host(name):
            raise PydanticCustomError("host", "must be a host's name alone, without scheme and port") from None
    return name


class Console(WebServer):
    """The control center; it only reads unless `write` is set.

    `masked` names columns whose values it never shows. `allowed_hosts` are the names besides `host` and localhost by
    which browsers may reach it. `alerts` is the file of its rules.
    """

    port: Port = 9021
    enabled: bool = True
    write: bool = False
    masked: tuple[str, ...] = ()
    allowed_hosts: tuple[Annotated[str, AfterValidator(_host)], ...] = ()
    alerts: Path = Path("alerts.toml")

    @property
    def url(self) -> Address:
        """The address of its pages and of its API."""
        return self.at("")
