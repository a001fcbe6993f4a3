"""Every error that Penstock raises on purpose: one root, two families, one leaf per cause.

A leaf is made from facts and builds its own message: what failed, where, what to do. The command line prints that
message as it is; nothing decides by reading it.
"""

from __future__ import annotations


class PenstockError(Exception):
    """The root: `penstock.cli` prints it as one clear message and exits with 1."""


class TransientError(PenstockError):
    """Trying again may help: a dependency is away, slow or busy."""


class TerminalError(PenstockError):
    """No retry cures this: somebody must change something."""
