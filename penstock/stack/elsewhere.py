"""Parts that others keep running (`supervised = false`): containers start and stop them, Penstock only asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from penstock.config import Config
from penstock.errors import TerminalError
from penstock.layout import Layout
from penstock.stack.part import Part, Step
from penstock.stack.supervisor import ProcessState


class NotSupervised(TerminalError):
    """What is asked for needs the processes, which are not ours."""

    def __init__(self, cure: str) -> None:
        super().__init__(f"the parts run in containers (supervised = false), which Penstock does not control: {cure}")


def is_outside(config: Config) -> bool:
    """Return whether the jobs' progress is elsewhere: that of containers lies in their volume, unseen by their host."""
    return not config.supervised and not Layout.of(config).data("views").exists()


def refuse_outside(config: Config) -> None:
    """Make sure that the jobs' progress is here.

    :raises NotSupervised: with the way in.
    """
    if is_outside(config):
        raise NotSupervised("ask inside, with `docker compose run --rm setup` in place of `penstock`")


class Elsewhere:
    """Stands where the supervisor stands: every process counts as running, and whether it answers is asked of it."""

    def state(self, name: str) -> ProcessState:
        """Return that the process runs."""
        return ProcessState(name, "RUNNING", pid=0, started_at_s=0, exit_code=0, reason="")

    def start_process(self, name: str) -> None:
        """Leave it to those who run the part."""


def awaited(nodes: Sequence[Part | Step]) -> list[Part | Step]:
    """Return the nodes with nothing left to prepare: that is done where the part runs."""
    return [replace(node, prepare=_nothing) if isinstance(node, Part) else node for node in nodes]


def _nothing() -> None:
    """Prepare nothing."""
