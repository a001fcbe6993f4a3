"""Findings: what was seen of a server, how much it weighs, and what cures it. No server is asked here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Weight(StrEnum):
    """How much a finding weighs."""

    OK = "ok"
    WARNING = "warning"
    STOPS = "stops"


@dataclass(frozen=True)
class Finding:
    """One thing that was seen.

    :param cure: a statement, a command or a setting; empty where nothing is wrong.
    """

    weight: Weight
    what: str
    cure: str = ""


def ok(what: str) -> Finding:
    """Say what is as it should be."""
    return Finding(Weight.OK, what)


def warning(what: str, cure: str) -> Finding:
    """Say what works, but not as well as it could, or not for ever."""
    return Finding(Weight.WARNING, what, cure)


def stops(what: str, cure: str) -> Finding:
    """Say what keeps Penstock, or a view, from working."""
    return Finding(Weight.STOPS, what, cure)


@dataclass(frozen=True)
class Examined:
    """A server that was looked at.

    :param name: its section of `penstock.toml`, or `machine`.
    :param address: where it was looked for.
    """

    name: str
    address: str
    findings: tuple[Finding, ...]


def count(examined: Iterable[Examined], weight: Weight) -> int:
    """Return how many findings weigh so much."""
    return sum(finding.weight is weight for each in examined for finding in each.findings)


def cure_of_away(names: Sequence[str]) -> str:
    """Say what to do about instances of ours that are away."""
    return f"they are restarted by themselves; {', '.join(f'`penstock logs {name}`' for name in names)} says why not"


def cure_of_silence(name: str, *, is_ours: bool) -> str:
    """Say what to do about a server that does not answer, or does not let us in.

    :param name: of its section.
    """
    if is_ours:
        return "`penstock up` starts it"
    return f"see that it runs and is reached from here, or correct [{name}] in penstock.toml"
