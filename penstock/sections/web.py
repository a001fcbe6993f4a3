"""Sections of what speaks HTTP: a part, or a small server of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, model_validator
from pydantic_core import PydanticCustomError

from penstock.address import Address, LetIn, why_unfit
from penstock.sections.part import PartSection, PasswordFile, Port, Server, absolute


def _fit(url: str) -> str:
    problem = why_unfit(url) or ("must end before any ? or #: paths follow it" if {"?", "#"} & {*url} else "")
    if problem:
        problem += "; user and password_file let us in" if "user" in problem or "secret" in problem else ""
        raise PydanticCustomError("unfit_url", "{problem}", {"problem": problem})
    return url


class WebSection(PartSection):
    """A part that is spoken to by HTTP.

    Where others run it, `base_url` is its address in place of `host` and `port`. `user` and `password_file` let us in.
    `ca_file` (PEM) holds the certificates to trust in place of the machine's.
    """

    of_others: ClassVar[tuple[str, ...]] = ("base_url", "user", "password_file", "ca_file")

    port: Port
    base_url: Annotated[str, AfterValidator(_fit)] | None = None
    user: str | None = None
    password_file: PasswordFile = None
    ca_file: Path | None = None

    @property
    def address(self) -> str:
        """Where it is reached, for people."""
        return self.url

    @property
    def url(self) -> Address:
        """Its API."""
        return self.root

    @property
    def root(self) -> Address:
        """The address without any path, and how its server lets us in."""
        return self.at("")

    @property
    def let_in(self) -> LetIn:
        """How its server lets us in."""
        return LetIn(self.user, absolute(self.password_file), None, absolute(self.ca_file))

    def at(self, path: str) -> Address:
        """Return the address of a path."""
        base = self.base_url.rstrip("/") if self.base_url else f"http://{self.host}:{self.port}"
        return Address(base + path, self.let_in)


class WebServer(Server):
    """A server of ours that speaks HTTP.

    With `user` and `password_file` it lets nobody else in; with `certificate_file` and `key_file` (PEM) it speaks TLS,
    and `ca_file` is what our own clients trust.
    """

    port: Port
    user: str | None = None
    password_file: PasswordFile = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    ca_file: Path | None = None

    @model_validator(mode="after")
    def _has_a_password(self) -> Self:
        if self.user is not None and self.password_file is None:
            raise PydanticCustomError("no_password", "user takes a password_file: without it no password lets one in")
        return self

    @property
    def tls_files(self) -> tuple[Path | None, Path | None]:
        """Its certificate and its key, seen from the clone as each file that a section names."""
        return absolute(self.certificate_file), absolute(self.key_file)

    def at(self, path: str) -> Address:
        """Return the address of a path."""
        scheme = "https" if self.certificate_file else "http"
        let_in = LetIn(self.user, absolute(self.password_file), None, absolute(self.ca_file))
        return Address(f"{scheme}://{self.host}:{self.port}{path}", let_in)
