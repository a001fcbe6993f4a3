"""Base of the sections of all parts: where a server is, how many there are, and the files of their secrets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from penstock.address import text_of
from penstock.clone import ROOT
from penstock.errors import TerminalError
from penstock.instances import can_have_more, host_of


class PasswordUnreadable(TerminalError):
    """The file that holds a password is not there, or not for us."""

    def __init__(self, setting: str, file: Path, cause: str) -> None:
        super().__init__(f"{setting} {file} cannot be read: {cause}")


class Section(BaseModel):
    """A section that refuses unknown keys and does not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def is_host(name: str) -> bool:
    """Return whether a text is a host's name, or an address of IPv4."""
    return re.fullmatch(r"[^\s:/@?#\[\]]+", name) is not None


def _host(name: str) -> str:
    """Refuse what libpq alone would understand: it gets a port behind it, in URLs too."""
    if not is_host(name):
        raise PydanticCustomError("host", "must be a host's name or IPv4 address alone, without scheme, port and path")
    return name


Host = Annotated[str, AfterValidator(_host)]


def _of_a_user(file: Path | None, given: ValidationInfo) -> Path | None:
    """Refuse a password without a user, by which nobody would log in."""
    if file is not None and given.data.get("user") is None:
        raise PydanticCustomError("no_user", "is the password of a user: name it in `user`")
    return file


def refuse_of_others(named: Sequence[str], *, lacks: str = "managed = false") -> None:
    """Refuse settings that only a server of others has, where the section does not say that it is one."""
    if named:
        problem = f"for a server of others, which takes {lacks}: {', '.join(named)}"
        raise PydanticCustomError("not_of_ours", "{problem}", {"problem": problem})


PasswordFile = Annotated[Path | None, AfterValidator(_of_a_user)]
"""The file of the password of `user`, which stands before it."""


class Server(Section):
    """Something at an address."""

    host: Host = "127.0.0.1"


class PartSection(Server):
    """A part that Penstock runs; with `managed` false others run it at that address, and Penstock is its client."""

    of_others: ClassVar[tuple[str, ...]] = ()
    """The settings that only a server of others has."""

    managed: bool = True

    @property
    def address(self) -> str:
        """Where it is reached, for people."""
        raise NotImplementedError

    @property
    def count(self) -> int:
        """How many instances of it Penstock runs."""
        return 1

    @property
    def own_hosts(self) -> tuple[str, ...]:
        """The address of each of these instances."""
        return tuple(host_of(self.host, number) for number in range(1, self.count + 1))

    @model_validator(mode="after")
    def _has_addresses(self) -> Self:
        if self.count > 1 and not (self.managed and can_have_more(self.host)):
            raise PydanticCustomError("several", "more than one takes managed = true, and a host of 127.0.0.0/8")
        return self

    @model_validator(mode="after")
    def _only_of_others(self) -> Self:
        """Refuse the settings of a server of others where Penstock would start one of its own beside it."""
        fields = type(self).model_fields
        if self.managed:
            refuse_of_others([name for name in self.of_others if getattr(self, name) != fields[name].default])
        return self


Port = Annotated[int, Field(ge=1, le=65535)]

MOST = 9
"""Instances of a part on one machine."""


def copies_of(instances: int) -> int:
    """Return how many copies there are by themselves: the majority of three is there while one is away."""
    return min(instances, 3)


def most_of(copies: int) -> int:
    """Return how many copies must be there: all but one."""
    return max(copies - 1, 1)


def read_secret(setting: str, file: Path | None) -> str:
    """Return the content of a file that holds a secret; empty without one.

    :raises PasswordUnreadable: when the file cannot be read.
    """
    if file is None:
        return ""
    try:
        return text_of(ROOT / file)
    except OSError as exc:
        raise PasswordUnreadable(setting, file, exc.strerror or str(exc)) from exc


def absolute(file: Path | None) -> Path | None:
    """Return where a file is that a section names, seen from the clone."""
    return ROOT / file if file else None
