"""The loader, and the API that it asks."""

from __future__ import annotations

from penstock.address import Address
from penstock.sections.part import Port
from penstock.sections.web import WebSection, WebServer


class Airflow(WebSection):
    """The loader; without it (`enabled`) rows come into Postgres by others alone."""

    port: Port = 8080
    enabled: bool = True


class Api(WebServer):
    """The stand-in of randomuser.me, which is what Airflow asks for users unless it is configured with another address.

    `proxy` is the HTTP proxy by which Airflow reaches that other address; the environment's is asked by nobody.
    """

    port: Port = 8000
    proxy: str | None = None

    @property
    def url(self) -> Address:
        """The address that answers users."""
        return self.at("/api/")
