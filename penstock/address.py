"""The address of a server that speaks HTTP, and how its clients are let in."""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from penstock.errors import TerminalError

if TYPE_CHECKING:
    import requests  # `down` and `logs` name addresses, and speak with none


_SECRET = re.compile(r"key|token|secret|pass|pwd|credential|auth|\bsig", re.IGNORECASE)
"""What a question in an address is called when its answer lets somebody in."""


def why_unfit(url: str) -> str:
    """Say why a URL cannot be an address, which logs, pages and messages show; empty where it can.

    What is said holds nothing of the URL.
    """
    try:
        parts = urlsplit(url)
        host, asked = parts.hostname, [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    except ValueError:
        return "is no URL"
    if parts.scheme not in ("http", "https") or not host:
        return "must be a URL that begins with http:// or https:// and a host"
    if "@" in parts.netloc:
        return "must have no user and no password in it: everybody sees an address"
    named = next(filter(_SECRET.search, asked), None)
    return f"must have no secret in it ({named}=…): everybody sees an address" if named else ""


def in_public(url: str) -> str:
    """Return the scheme and the host of a URL whose path is a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}"


class SecretUnreadable(TerminalError):
    """A file that holds a secret is not there, or not for us."""

    def __init__(self, file: Path, cause: str) -> None:
        super().__init__(f"{file}, which holds a secret, cannot be read: {cause}")


@dataclass(frozen=True)
class LetIn:
    """What a client shows, and whom it trusts; secrets are read from their files when they are needed.

    :param user: with the password in `password_file`.
    :param token_file: of a bearer token, in place of user and password.
    :param ca_file: certificates (PEM) to trust, in place of the machine's.
    """

    user: str | None = None
    password_file: Path | None = None
    token_file: Path | None = None
    ca_file: Path | None = None

    @property
    def password(self) -> str:
        """The content of the password file; empty without one.

        :raises SecretUnreadable: when it cannot be read.
        """
        return read_secret(self.password_file) if self.password_file else ""


class Address(str):
    """A URL; with `let_in` where the server asks who comes. It never shows a secret.

    `others` are the URLs of other instances of the server, which let the same clients in.
    """

    let_in: LetIn
    others: tuple[str, ...]

    def __new__(cls, url: str, let_in: LetIn | None = None, others: tuple[str, ...] = ()) -> Address:
        """Name a URL; without more its server lets everybody in."""
        made = super().__new__(cls, url)
        made.let_in = let_in or LetIn()
        made.others = others
        return made


def prepare_session(session: requests.Session, url: str) -> None:
    """Make a session show what the server of an address asks for, and trust whom it should.

    :raises SecretUnreadable: a file cannot be read.
    """
    # The servers are ours to reach directly; a proxy from the environment must not see what is sent to them.
    session.trust_env = False
    if not isinstance(url, Address):
        return
    let_in = url.let_in
    if let_in.user is not None:
        session.auth = (let_in.user, let_in.password)
    if let_in.token_file:
        session.headers["Authorization"] = f"Bearer {read_secret(let_in.token_file)}"
    if let_in.ca_file:
        session.verify = str(let_in.ca_file)


def read_secret(file: Path) -> str:
    """Return the content of a file that holds a secret.

    :raises SecretUnreadable: when it cannot be read.
    """
    try:
        return text_of(file)
    except OSError as exc:
        raise SecretUnreadable(file, exc.strerror or str(exc)) from exc


def text_of(file: Path) -> str:
    """Return the text of a secret's file, which servers and other languages read as well.

    :raises OSError: it cannot be read; or a reader would take bytes that stand for no character for the secret.
    """
    try:
        text = file.read_text("utf-8")
    except UnicodeDecodeError as exc:
        raise OSError(errno.EILSEQ, "it is no UTF-8 text; save it as UTF-8") from exc
    if text.startswith("\ufeff"):
        raise OSError(errno.EILSEQ, "it begins with a byte order mark; save it as UTF-8 without one")
    return text.strip()


def let_in_options(url: str) -> list[str]:
    """Return options of a JVM that say to the views' decoder how the registry lets it in (LetIn.java): no secret."""
    if not isinstance(url, Address):
        return []
    options = {
        "user": url.let_in.user,
        "password.file": url.let_in.password_file,
        "token.file": url.let_in.token_file,
        "ca.file": url.let_in.ca_file,
    }
    return [f"-Dpenstock.registry.{name}={value}" for name, value in options.items() if value]
