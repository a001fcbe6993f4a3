"""Several instances of a part: their names and addresses, what is rendered for each, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.config import Config
from penstock.console.look.parts import _addresses
from penstock.layout import Layout
from penstock.profile import Profile, with_profile
from penstock.sections.kafka import KafkaMode
from penstock.secured import Secrets
from penstock.setup import foreground
from penstock.setup.foreground import become
from penstock.stack import room, stack
from penstock.stack.mode import ask_for
from penstock.stack.part import Part
from penstock.stack.parts.kafka import _quorum, render_properties
from penstock.stack.room import NoRoom, refuse_too_much
from penstock.stack.several import OneOnly, OtherNumber, note_numbers, refuse_several
from penstock.topics.declare import topics_beside


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(**with_profile({"state": tmp_path}, Profile.HA))


def parts(config: Config) -> dict[str, Part]:
    return {part.name: part for part in stack.parts(config)}


def settings(file: Path) -> dict[str, str]:
    """Read properties; of two lines with one name the last one counts, as for Java."""
    lines = (line.partition("=") for line in file.read_text().splitlines() if not line.startswith("#"))
    return {name: value for name, _, value in lines}


def test_the_first_keeps_its_name(config: Config) -> None:
    more = parts(config).keys() - parts(Config()).keys()
    assert more == {"kafka-2", "kafka-3", "connect-2", "spark-worker-2", "cassandra-2", "cassandra-3"}
    assert parts(Config()).keys() <= parts(config).keys()


def test_each_has_its_ports_at_an_address_of_its_own(config: Config) -> None:
    found = parts(config)
    for kind, count in (("kafka", 3), ("connect", 2), ("spark-worker", 2), ("cassandra", 3)):
        own = [found[kind], *(found[f"{kind}-{number}"] for number in range(2, count + 1))]
        assert [part.host for part in own] == [f"127.0.0.{number}" for number in range(1, count + 1)]
        assert all(part.ports == own[0].ports for part in own)


def test_the_control_center_names_each(config: Config) -> None:
    shown = _addresses(config)
    for part in stack.parts(config):
        assert shown.get(part.name, "") == ", ".join(f"{part.host}:{port}" for port in part.ports.values())


def test_brokers_find_each_other(config: Config) -> None:
    layout = Layout.of(config)
    rendered = [settings(render_properties(config, layout, number)) for number in (1, 2, 3)]
    assert [each["node.id"] for each in rendered] == ["1", "2", "3"]
    assert len({each["log.dirs"] for each in rendered}) == 3
    assert {each["controller.quorum.bootstrap.servers"] for each in rendered} == {
        "127.0.0.1:9093,127.0.0.2:9093,127.0.0.3:9093"
    }
    assert rendered[2]["advertised.listeners"] == "PLAINTEXT://127.0.0.3:9092"
    assert {each["min.insync.replicas"] for each in rendered} == {"2"}
    assert {each["transaction.state.log.replication.factor"] for each in rendered} == {"3"}
    assert _quorum(config, layout) == _quorum(config, layout)


def test_nodes_have_the_same_seeds_and_other_tokens(config: Config) -> None:
    found = parts(config)
    for name in ("cassandra", "cassandra-2", "cassandra-3"):
        found[name].prepare()
    texts = [(config.state_dir / "conf" / name / "cassandra.yaml").read_text() for name in found if "cassandra" in name]
    assert all('{seeds: "127.0.0.1:7000,127.0.0.2:7000,127.0.0.3:7000"}' in text for text in texts)
    lines = [line for text in texts for line in text.splitlines() if line.startswith("initial_token")]
    assert len(set(lines)) == 3


def test_one_broker_is_rendered_as_before(tmp_path: Path) -> None:
    alone = Config(state=tmp_path)
    assert "Of several brokers" not in render_properties(alone, Layout.of(alone)).read_text()


def test_topics_have_copies(config: Config) -> None:
    topics = topics_beside(config, ["app.public.users"])
    assert {topic.replication_factor for topic in topics} == {3}
    assert {topic.settings["min.insync.replicas"] for topic in topics} == {"2"}
    assert "min.insync.replicas" not in topics_beside(Config(), ["app.public.users"])[0].settings


@pytest.mark.parametrize(("kind", "setting"), [("kafka", "kafka.brokers"), ("cassandra", "cassandra.nodes")])
def test_another_number_than_that_of_the_data_is_refused(config: Config, kind: str, setting: str) -> None:
    (Layout.of(config).data(kind) / "some").mkdir(parents=True)
    with pytest.raises(OtherNumber, match=f"began with {setting} = 1, and 3 is asked for"):
        refuse_several(config)
    note_numbers(config)
    refuse_several(config)
    with pytest.raises(OtherNumber, match=f"began with {setting} = 3, and 1 is asked for"):
        refuse_several(Config(state=config.state))


def test_a_part_that_starts_by_itself_is_refused_too(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.execvpe", lambda *_: None)
    monkeypatch.setattr(foreground, "_find_part", lambda *_: Part("cassandra", ("true",), is_ready=lambda: True))
    become(config, "cassandra")
    (Layout.of(config).data("cassandra") / "some").mkdir(parents=True)
    become(config, "cassandra")
    with pytest.raises(OtherNumber, match=r"cassandra\.nodes = 3, and 1 is asked for"):
        become(Config(state=config.state), "cassandra")


def test_a_later_instance_notes_nothing_as_it_does_not_see_the_data_of_the_first(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.execvpe", lambda *_: None)
    monkeypatch.setattr(foreground, "_find_part", lambda *_: Part("kafka-2", ("true",), is_ready=lambda: True))
    become(config, "kafka-2")
    assert not Layout.of(config).numbers_file.exists()


def test_a_stack_that_has_not_started_is_not_refused(config: Config) -> None:
    for name in ("kafka", "cassandra"):
        Layout.of(config).data(name).mkdir(parents=True)
    refuse_several(config)


def test_a_secured_stack_has_one_of_each(config: Config) -> None:
    Secrets.of(config).folder.mkdir()
    with pytest.raises(OneOnly, match="a secured stack"):
        refuse_several(config)
    refuse_several(Config(state=config.state))


def test_zookeeper_has_one_broker(config: Config) -> None:
    with pytest.raises(OneOnly, match=r"kafka\.brokers = 1"):
        refuse_several(ask_for(config, KafkaMode.ZOOKEEPER))


def test_what_the_machine_cannot_hold_is_said(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_too_much(Config(state=config.state))
    monkeypatch.setattr(room, "_ONE_OF_EACH_MB", 10**9)
    with pytest.raises(NoRoom, match=r"(?s)GB of memory.*cassandra\.nodes"):
        refuse_too_much(config)
    refuse_too_much(Config(state=config.state))


def test_a_full_disk_is_said(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_ONE_OF_EACH_MB", -(10**9))
    monkeypatch.setattr(room, "_DISK_OF_ONE_MB", 10**12)
    with pytest.raises(NoRoom, match="GB of disk"):
        refuse_too_much(config)
