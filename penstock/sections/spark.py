"""Spark and its two jobs."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from penstock.address import Address, LetIn
from penstock.sections.part import MOST, Host, PartSection, Port, absolute


class Spark(PartSection):
    """The Spark master, its workers and the two jobs; the aggregates' driver and executors have a heap each.

    On each worker each job has an executor. It holds groups on disk, with 128 MB for them outside of its heap. Its
    memory is for one partition of the topics; where it reads several, it gets 256 MB more for each.

    `local_host` is the name by which others reach this process, where that is not the master's. Every
    `commit_interval_s` each query of row views commits its offsets, earlier where somebody waits for it. That holds its
    table up for a moment; after a crash what came since is written again, with the same versions. Every
    `aggregates_interval_s` the other job adds up what came since: each time costs the same, however little it was.

    `token_file` holds the bearer token of the master's web page, where it asks for one. `properties_file` has the
    settings of Spark that let the jobs in where others run it, as `spark.authenticate` and its secret.
    """

    of_others: ClassVar[tuple[str, ...]] = ("token_file", "properties_file")

    local_host: Host | None = None
    workers: int = Field(1, ge=1, le=MOST)
    master_port: Port = 7077
    master_ui_port: Port = 9090
    worker_port: Port = 7078
    worker_ui_port: Port = 9091
    token_file: Path | None = None
    properties_file: Path | None = None
    executor_memory_mb: int = Field(768, ge=512)
    driver_memory_mb: int = Field(1536, ge=512)
    commit_interval_s: int = Field(300, ge=1, le=3600)
    aggregates_memory_mb: int = Field(512, ge=512)
    aggregates_interval_s: float = Field(1.0, ge=0.1, le=600)

    @property
    def address(self) -> str:
        """Where it is reached, for people."""
        return self.master_url

    @property
    def count(self) -> int:
        """How many workers Penstock runs."""
        return self.workers

    @property
    def own_host(self) -> str:
        """The address at which this machine's worker and drivers are reached."""
        return self.local_host or self.host

    @property
    def master_url(self) -> str:
        """The address of the master."""
        return f"spark://{self.host}:{self.master_port}"

    @property
    def master_page(self) -> Address:
        """What the master reports of itself as JSON."""
        url = f"http://{self.host}:{self.master_ui_port}/json/"
        return Address(url, LetIn(token_file=absolute(self.token_file)))
