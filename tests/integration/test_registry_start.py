"""The registry is ready when it has read its journal, not before: else a start registers subjects again."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.config import load_config
from penstock.project.workspace import Workspace
from penstock.registry.client import RegistryClient
from penstock.setup import actions as setup
from tests.integration.servers import started, written

pytestmark = pytest.mark.slow

SUBJECTS = 400
SCHEMA = '{{"type": "record", "name": "r{number}", "fields": [{{"name": "a", "type": "long"}}]}}'


def test_a_ready_registry_knows_every_subject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PENSTOCK_CONFIG", raising=False)
    config = load_config(written(tmp_path, "kafka", "registry"))
    names = {f"subject-{number}" for number in range(SUBJECTS)}
    with started(config, "kafka"):
        setup.create_topics(Workspace(config))
        with started(config, "registry"), RegistryClient(config.registry.url) as registry:
            ids = [registry.register(f"subject-{number}", SCHEMA.format(number=number)) for number in range(SUBJECTS)]
        for _ in range(3):
            with started(config, "registry"), RegistryClient(config.registry.url) as registry:
                assert set(registry.subjects()) == names
                last = SUBJECTS - 1
                assert registry.register(f"subject-{last}", SCHEMA.format(number=last)) == ids[last]
