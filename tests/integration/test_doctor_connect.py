"""`penstock doctor` on a real Connect: plugins that lack, and what the worker itself cannot reach."""

from __future__ import annotations

import shutil
from pathlib import Path
from zipfile import ZipFile

import pytest

from penstock.config import Config
from penstock.doctor.connect import examine
from penstock.doctor.finding import Weight
from penstock.layout import SERVERS
from penstock.project.workspace import Workspace
from penstock.setup import actions as setup
from penstock.stack.ask import NotAsNeeded, ask_connect
from penstock.stack.parts import connect as part
from tests.integration.servers import free_port, started

pytestmark = pytest.mark.slow

CONVERTER, SINK, SOURCE = "avro-converter", "cassandra-sink", "debezium"


def stops(config: Config) -> dict[str, str]:
    return {finding.what: finding.cure for finding in examine(config) if finding.weight is Weight.STOPS}


def as_built_earlier(folder: Path) -> None:
    """Copy the plugin of the source into a folder, with its jar as an earlier version built it."""
    shutil.copytree(SERVERS / "plugins" / SOURCE, folder)
    jar = next(folder.rglob("penstock-postgres-source.jar"))
    with ZipFile(jar) as built:
        files = {name: built.read(name) for name in built.namelist()}
    with ZipFile(jar, "w") as earlier:
        for name, content in files.items():
            earlier.writestr(name, content.replace(b"Implementation-Version: ", b"Implementation-Version: 0."))


def test_a_worker_without_our_plugins_or_with_earlier_ones_is_named_and_cured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
        assert what.startswith("connect lacks dev.penstock.cassandra.sink.CassandraSinkConnector, dev.penstock.")
        assert cure.startswith("copy .servers/plugins of this clone over those in the plugin.path of each worker")
        (plugins / SINK).symlink_to(SERVERS / "plugins" / SINK)
        as_built_earlier(plugins / SOURCE)
        with started(config, "connect"):
            ((what, cure),) = stops(config).items()
            with pytest.raises(NotAsNeeded, match="connect runs plugins of another version"):
                ask_connect(config)
        assert what.startswith("connect runs plugins of another version (0.3.7.")
        assert cure.startswith("`penstock down`, then `penstock up`")
        shutil.rmtree(plugins / SOURCE)
        (plugins / SOURCE).symlink_to(SERVERS / "plugins" / SOURCE)
        with started(config, "connect"):
            said = stops(config)
            ask_connect(config)
    assert not any("plugins" in what or "lacks" in what for what in said)
    assert any(what.startswith("connector users-postgres-source: database.hostname: ") for what in said), said
