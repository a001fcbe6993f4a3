"""The mode of Kafka: chosen once, remembered by the data, and never changed over data that is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.clone import ROOT
from penstock.config import Config, load_config
from penstock.console.look.parts import _addresses
from penstock.layout import Layout
from penstock.project.workspace import Workspace
from penstock.sections.kafka import Kafka, KafkaMode, ZooKeeper
from penstock.setup import lifecycle
from penstock.setup.foreground import become
from penstock.stack import stack
from penstock.stack.mode import OtherMode, ask_for, mode_of, refuse_other_mode
from penstock.stack.part import Part
from penstock.stack.stop import reset

KRAFT, ZOOKEEPER = KafkaMode
ONLY_IN_KRAFT = {
    "process.roles",
    "node.id",
    "controller.quorum.bootstrap.servers",
    "controller.listener.names",
    # Kafka 3.9 has no share groups.
    "share.coordinator.state.topic.replication.factor",
    "share.coordinator.state.topic.min.isr",
}
ONLY_IN_ZOOKEEPER = {"broker.id", "zookeeper.connect", "zookeeper.session.timeout.ms"}


def parts(config: Config) -> dict[str, Part]:
    return {part.name: part for part in stack.parts(config)}


def begin(config: Config) -> None:
    """Let the data begin in the mode that the configuration asks for."""
    if mode_of(config) is ZOOKEEPER:
        parts(config)["zookeeper"].prepare()
    else:
        data = Layout.of(config).data("kafka")
        data.mkdir(parents=True)
        (data / "meta.properties").write_text("version=1")


def written(state: Path, mode: KafkaMode | None = None) -> Config:
    """Return what a `penstock.toml` says that names a mode, or none."""
    file = state / "penstock.toml"
    file.write_text(f"state = '{state}'\n[kafka]\nport = 9092\n" + (f"mode = '{mode}'\n" if mode else ""))
    return load_config(file)


def test_kraft_unless_configured(tmp_path: Path) -> None:
    assert mode_of(Config(state=tmp_path)) is KRAFT
    assert mode_of(ask_for(Config(state=tmp_path), ZOOKEEPER)) is ZOOKEEPER


def test_the_file_and_the_environment_choose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert mode_of(written(tmp_path, ZOOKEEPER)) is ZOOKEEPER
    monkeypatch.setenv("PENSTOCK_KAFKA__MODE", "kraft")
    assert mode_of(written(tmp_path, ZOOKEEPER)) is KRAFT


@pytest.mark.parametrize("mode", KafkaMode)
def test_the_data_remembers_its_mode(tmp_path: Path, mode: KafkaMode) -> None:
    begin(ask_for(written(tmp_path), mode))
    assert mode_of(written(tmp_path)) is mode
    refuse_other_mode(written(tmp_path))
    refuse_other_mode(written(tmp_path, mode))


@pytest.mark.parametrize(("existing", "asked"), [(KRAFT, ZOOKEEPER), (ZOOKEEPER, KRAFT)])
def test_the_other_mode_is_refused_before_anything_runs(tmp_path: Path, existing: KafkaMode, asked: KafkaMode) -> None:
    begin(ask_for(written(tmp_path), existing))
    with pytest.raises(OtherMode) as refused:
        lifecycle.start(Workspace(written(tmp_path, asked)), on_event=lambda _: None)
    assert f"the data in {tmp_path} began with Kafka in the mode {existing}, and {asked} is asked for" in str(
        refused.value
    )
    assert "penstock reset --yes" in str(refused.value)
    assert not (tmp_path / "run").exists()


def test_an_empty_folder_is_no_data(tmp_path: Path) -> None:
    Layout.of(Config(state=tmp_path)).data("kafka").mkdir(parents=True)
    assert mode_of(ask_for(Config(state=tmp_path), ZOOKEEPER)) is ZOOKEEPER


@pytest.mark.parametrize(("existing", "asked"), [(KRAFT, ZOOKEEPER), (ZOOKEEPER, KRAFT)])
def test_a_container_refuses_the_other_mode_too(tmp_path: Path, existing: KafkaMode, asked: KafkaMode) -> None:
    begin(ask_for(written(tmp_path), existing))
    with pytest.raises(OtherMode):
        become(written(tmp_path, asked), "kafka")


def test_a_refused_mode_can_still_be_reset(tmp_path: Path) -> None:
    begin(ask_for(written(tmp_path), ZOOKEEPER))
    reset(written(tmp_path, KRAFT), on_stopped=lambda _: None)
    assert not tmp_path.exists()


def test_zookeeper_is_a_part_of_its_mode_only(tmp_path: Path) -> None:
    config = Config(state=tmp_path)
    kraft, with_zookeeper = parts(config), parts(ask_for(config, ZOOKEEPER))
    assert set(with_zookeeper) - set(kraft) == {"zookeeper"}
    assert set(kraft) <= set(with_zookeeper)
    assert set(kraft["kafka"].ports) == {"kafka.port", "kafka.controller_port"}
    assert set(with_zookeeper["kafka"].ports) == {"kafka.port"}
    assert "zookeeper" in with_zookeeper["kafka"].needs


@pytest.mark.parametrize("mode", KafkaMode)
def test_the_control_center_names_the_ports_of_the_mode(tmp_path: Path, mode: KafkaMode) -> None:
    config = ask_for(Config(state=tmp_path), mode)
    shown = _addresses(config)
    for part in stack.parts(config):
        assert shown.get(part.name, "") == ", ".join(f"127.0.0.1:{port}" for port in part.ports.values())


def test_both_find_each_other_by_what_is_rendered(tmp_path: Path) -> None:
    config = Config(state=tmp_path, kafka=Kafka(mode=ZOOKEEPER, port=19092), zookeeper=ZooKeeper(port=12181))
    for name in ("zookeeper", "kafka"):
        parts(config)[name].prepare()
    server, broker = (tmp_path / "conf" / name for name in ("zookeeper/zoo.cfg", "kafka/server.properties"))
    assert "clientPort=12181\n" in server.read_text()
    assert {"zookeeper.connect=127.0.0.1:12181", "listeners=PLAINTEXT://127.0.0.1:19092"} <= set(
        broker.read_text().splitlines()
    )


def properties(folder: str) -> dict[str, str]:
    lines = (ROOT / "servers" / folder / "server.properties").read_text().splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {key: value for key, _, value in pairs}


def test_the_brokers_of_both_modes_are_set_alike() -> None:
    kraft, registered = properties("kafka"), properties("kafka-3.9")
    assert set(kraft) - set(registered) == ONLY_IN_KRAFT
    assert set(registered) - set(kraft) == ONLY_IN_ZOOKEEPER
    common = set(kraft) & set(registered) - {"listeners", "listener.security.protocol.map"}  # KRaft's has more of them
    assert {key: kraft[key] for key in common} == {key: registered[key] for key in common}
