"""The Schema Registry: both of its APIs that are used, and what holds for a subject of ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from penstock.config import Config
from penstock.doctor.finding import Finding, ok, stops
from penstock.http_client import get_json
from penstock.registry.client import RegistryClient

_QUICKLY_S = 5
_OWN_API = "/apis/registry/v2"
"""Of Connect's converter (connect/worker.properties)."""


def examine(config: Config) -> Iterator[Finding]:
    """Look at the registry.

    :raises RegistryUnreachable, RegistryRefused: nobody answers, or lets us in.
    """
    with RegistryClient(config.registry.url, timeout_s=_QUICKLY_S) as client:
        subjects = len(client.subjects())
    yield from judge(subjects, get_json(config.registry.at(f"{_OWN_API}/system/info")))


def judge(subjects: int, info: Any) -> Iterator[Finding]:
    """Judge the registry.

    :param info: what Apicurio's own API says of itself; None where there is none.
    """
    if not isinstance(info, dict) or "version" not in info:
        yield stops(
            f"it has no Apicurio API ({_OWN_API}), which Connect's converter speaks", "name an Apicurio Registry 2 or 3"
        )
        return
    yield ok(f"Apicurio Registry {info['version']}, {subjects:,} subjects")
