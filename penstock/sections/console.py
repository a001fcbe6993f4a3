"""The control center."""

from __future__ import annotations

from pathlib import Path

from penstock.address import Address
from penstock.sections.part import Port
from penstock.sections.web import WebServer


class Console(WebServer):
    """The control center; it only reads unless `write` is set.

    `masked` names columns whose values it never shows. `allowed_hosts` are the names besides `host` and localhost by
    which browsers may reach it. `alerts` is the file of its rules.
    """

    port: Port = 9021
    enabled: bool = True
    write: bool = False
    masked: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    alerts: Path = Path("alerts.toml")

    @property
    def url(self) -> Address:
        """The address of its pages and of its API."""
        return self.at("")
