"""`penstock doctor` on a real Connect: plugins that lack, and what the worker itself cannot reach."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.config import Config
from penstock.doctor.connect import examine
from penstock.doctor.finding import Weight
from penstock.layout import SERVERS
from penstock.project.workspace import Workspace
from penstock.setup import actions as setup
from penstock.stack.parts import connect as part
from tests.integration.servers import free_port, started

pytestmark = pytest.mark.slow

CONVERTER = "avro-converter"


def stops(config: Config) -> dict[str, str]:
    return {finding.what: finding.cure for finding in examine(config) if finding.weight is Weight.STOPS}


def test_a_worker_without_our_plugins_is_named_and_cured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sections = {
        "kafka": {"port": free_port(), "controller_port": free_port()},
        "connect": {"port": free_port()},
        "postgres": {"port": free_port()},  # where nobody listens
        "cassandra": {"port": free_port()},
    }
    config = Config.model_validate({"state": tmp_path / "var", **sections})
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / CONVERTER).symlink_to(SERVERS / "plugins" / CONVERTER)  # without it the worker would not start
    monkeypatch.setattr(part, "SERVERS", tmp_path)
    with started(config, "kafka"):
        setup.create_topics(Workspace(config))
        with started(config, "connect"):
            ((what, cure),) = stops(config).items()
        assert what.startswith("its workers lack dev.penstock.cassandra.sink.CassandraSinkConnector, dev.penstock.")
        assert cure == "copy .servers/plugins of this clone into the plugin.path of each worker, and restart them"
        for plugin in (SERVERS / "plugins").iterdir():
            if plugin.name != CONVERTER:
                (plugins / plugin.name).symlink_to(plugin)
        with started(config, "connect"):
            said = stops(config)
    assert not any("lack" in what for what in said)
    assert any(what.startswith("connector users-postgres-source: database.hostname: ") for what in said), said
