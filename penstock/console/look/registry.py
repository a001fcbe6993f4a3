"""The Schema Registry: which subjects there are, and how many versions each has."""

from __future__ import annotations

import time
from dataclasses import dataclass

from penstock.config import Config
from penstock.console.look.http import TIMEOUT_S
from penstock.registry.client import RegistryClient

_AGAIN_S = 10.0
"""Less than what makes a reading old."""


@dataclass(frozen=True)
class Subject:
    """A subject and its versions."""

    name: str
    versions: tuple[int, ...]


class RegistryCollector:
    """Asks one registry, which may hold thousands of subjects of others."""

    def __init__(self, config: Config) -> None:
        self._client = RegistryClient(config.registry.url, timeout_s=TIMEOUT_S)
        self._known: dict[str, Subject] = {}

    def collect(self) -> dict[str, Subject]:
        """Return every subject by name; the versions of those that are known already, as far as the time goes."""
        until, names = time.monotonic() + _AGAIN_S, dict.fromkeys(self._client.subjects())
        known = [name for name in self._known if name in names]
        for name in [*(names.keys() - known), *known]:
            if name in self._known and time.monotonic() >= until:
                break
            versions = self._client.versions(name)
            # To the end: the next look goes on where this one was over.
            self._known.pop(name, None)
            self._known[name] = Subject(name, versions)
        self._known = {name: subject for name, subject in self._known.items() if name in names}
        return dict(sorted(self._known.items()))
