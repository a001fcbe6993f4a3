"""The database of the views."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from penstock.sections.part import MOST, Host, PartSection, PasswordFile, Port, absolute, copies_of, read_secret

Consistency = Literal["LOCAL_QUORUM", "LOCAL_ONE", "ONE", "TWO", "THREE", "QUORUM", "EACH_QUORUM", "ALL"]


class Cassandra(PartSection):
    """The database that holds the views.

    `contact_points` are the nodes to find the cluster by, where one `host` is not enough. `replication` are the copies
    in each datacenter, where there are more than the local one. `tls` encrypts. One of `ca_file` (PEM, else one of the
    machine's authorities) must have signed the certificate of each node. It carries the node's address, unless
    `check_hostname` is off.
    """

    of_others: ClassVar[tuple[str, ...]] = ("contact_points", "user", "password_file", "tls", "ca_file")

    nodes: int = Field(1, ge=1, le=MOST)
    port: Port = 9042
    contact_points: tuple[Host, ...] = ()
    user: str | None = None
    password_file: PasswordFile = None
    tls: bool = False
    ca_file: Path | None = None
    check_hostname: bool = True
    consistency: Consistency = "LOCAL_QUORUM"
    replication: dict[str, Annotated[int, Field(ge=1)]] = Field(default={})
    storage_port: Port = 7000
    local_dc: str = "datacenter1"
    replication_factor: int = Field(default_factory=lambda given: copies_of(given.get("nodes", 1)), ge=1)
    heap_mb: int = Field(1024, ge=512)

    @model_validator(mode="after")
    def _has_local_copies(self) -> Self:
        if self.consistency.startswith("LOCAL") and self.local_dc not in self.copies:
            problem = f"replication has no copies in {self.local_dc}, the local_dc, and {self.consistency} needs some"
            raise PydanticCustomError("no_copies", "{problem}", {"problem": problem})
        return self

    @property
    def hosts(self) -> tuple[str, ...]:
        """The nodes to begin with."""
        return self.contact_points or self.own_hosts

    @property
    def count(self) -> int:
        """How many nodes Penstock runs."""
        return self.nodes

    @property
    def address(self) -> str:
        """Where it is reached, for people."""
        return ", ".join(f"{host}:{self.port}" for host in self.hosts)

    @property
    def password(self) -> str:
        """The content of the password file; empty without one.

        :raises PasswordUnreadable: when the file cannot be read.
        """
        return read_secret("cassandra.password_file", self.password_file)

    @property
    def ca(self) -> Path | None:
        """The absolute path of the certificates to trust."""
        return absolute(self.ca_file)

    @property
    def copies(self) -> dict[str, int]:
        """How many copies of each row each datacenter has."""
        return self.replication or {self.local_dc: self.replication_factor}
