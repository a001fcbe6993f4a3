"""The Schema Registry and the Kafka Connect workers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from penstock.address import Address, LetIn
from penstock.sections.part import MOST, Port, absolute
from penstock.sections.web import WebSection

_OURS = "/apis/ccompat/v7"


class Registry(WebSection):
    """The Schema Registry; `token_file` holds a bearer token, in place of a user and password.

    `api_path` is where its Confluent API begins: empty for all but Apicurio's.
    """

    of_others: ClassVar[tuple[str, ...]] = (*WebSection.of_others, "token_file", "api_path")

    port: Port = 8081
    token_file: Path | None = None
    api_path: Annotated[str, Field(pattern=r"^(/[^/?#\s]+)*$")] = _OURS
    heap_mb: int = Field(256, ge=128)

    @model_validator(mode="after")
    def _shows_one_secret(self) -> Self:
        if self.user is not None and self.token_file is not None:
            raise PydanticCustomError("two_logins", "user and token_file: one of them lets us in")
        return self

    @property
    def let_in(self) -> LetIn:
        """How its server lets us in."""
        return replace(super().let_in, token_file=absolute(self.token_file))

    @property
    def url(self) -> Address:
        """The Confluent API."""
        return self.at(self.api_path)


class Connect(WebSection):
    """The Kafka Connect workers; `watch` restarts connectors that failed, `metrics_port` shows a worker's MBeans.

    `references` are what a worker of others has in place of our `${env:PENSTOCK_…}`, such as `${file:PATH:KEY}`.
    """

    workers: int = Field(1, ge=1, le=MOST)
    port: Port = 8083
    metrics_port: Port | None = None
    heap_mb: int = Field(768, ge=256)
    watch: bool = True
    references: dict[str, Annotated[str, Field(pattern=r"^\$\{[^{}]+\}$")]] = Field(default={})

    @property
    def count(self) -> int:
        """How many workers Penstock runs."""
        return self.workers

    def of_worker(self, number: int) -> Self:
        """Return the section as clients of one worker alone need it."""
        return self.model_copy(update={"host": self.own_hosts[number - 1], "workers": 1}) if number > 1 else self

    @property
    def url(self) -> Address:
        """The REST API, of the first worker and the others."""
        others = tuple(str(self.of_worker(number).root) for number in range(2, self.workers + 1))
        return Address(self.root, self.let_in, others)
