"""The Schema Registry: whether its Confluent API is where it is looked for, and lets us in."""

from __future__ import annotations

from collections.abc import Iterator

import requests

from penstock.config import Config
from penstock.doctor.finding import Finding, ok, stops
from penstock.registry.client import RegistryClient, RegistryRefused

_QUICKLY_S = 5


def examine(config: Config) -> Iterator[Finding]:
    """Look at the registry.

    :raises RegistryUnreachable, RegistryRefused: nobody answers, or lets us in.
    """
    with RegistryClient(config.registry.url, timeout_s=_QUICKLY_S) as client:
        try:
            yield ok(f"{len(client.subjects()):,} subjects")
        except RegistryRefused as exc:
            if exc.status != requests.codes.not_found:
                raise
            yield stops(
                f"there is no Confluent API at {config.registry.url}",
                'set registry.api_path: "/apis/ccompat/v7" for Apicurio\'s, "" for any other',
            )
