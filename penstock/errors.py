"""Every error that Penstock raises on purpose: one root, two families, one leaf per cause.

A leaf is made from facts and builds its own message: what failed, where, what to do. The command line prints that
message as it is; nothing decides by reading it.
"""

from __future__ import annotations


class PenstockError(Exception):
    """The root: `penstock.cli` prints it as one clear message and exits with 1."""


class TransientError(PenstockError):
    """Trying again may help: a dependency is away, slow or busy."""


class Unreachable(TransientError):
    """A server does not answer.

    :param fact: which one, where and why. The doctor and the control center show it alone: they have their own advice.
    """

    def __init__(self, fact: str, *, advice: str = "; is it running? `penstock status` shows it") -> None:
        super().__init__(fact + advice)
        self.fact = fact


class TerminalError(PenstockError):
    """No retry cures this: somebody must change something."""


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says; its class where it says nothing, as some of libpq's do."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
