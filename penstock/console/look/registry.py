"""The Schema Registry: which subjects there are, and how many versions each has."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.config import Config
from penstock.console.look.http import TIMEOUT_S
from penstock.registry.client import RegistryClient


@dataclass(frozen=True)
class Subject:
    """A subject and its versions."""

    name: str
    versions: tuple[int, ...]


class RegistryCollector:
    """Asks one registry."""

    def __init__(self, config: Config) -> None:
        self._client = RegistryClient(config.registry.url, timeout_s=TIMEOUT_S)

    def collect(self) -> dict[str, Subject]:
        """Return every subject by name."""
        return {name: Subject(name, self._client.versions(name)) for name in self._client.subjects()}
