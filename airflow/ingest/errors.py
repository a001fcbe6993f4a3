"""Errors that stop a load: one root, and for each cause a leaf beside the code that meets it."""

from __future__ import annotations


class IngestError(Exception):
    """The load cannot go on; what was loaded before stays. The message says what, where and what to do."""
