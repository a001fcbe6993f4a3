"""A profile: what it fills in, what wins over it, and that the state folder remembers it."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.config import Config, ConfigInvalid, load_config
from penstock.profile import Profile, note_profile

HA = Profile.HA


def written(state: Path, text: str = "") -> Path:
    file = state / "penstock.toml"
    file.write_text(f"state = '{state}'\n{text}")
    return file


def test_it_sets_more_than_one_of_each(tmp_path: Path) -> None:
    config = load_config(written(tmp_path), profile=HA)
    assert (config.kafka.count, config.connect.count, config.spark.count, config.cassandra.count) == (3, 2, 2, 3)
    assert (config.kafka.partitions, config.kafka.replication_factor, config.kafka.min_insync_replicas) == (3, 3, 2)
    assert (config.cassandra.copies, config.cassandra.consistency) == ({"datacenter1": 3}, "LOCAL_QUORUM")
    assert config.kafka.bootstrap == "127.0.0.1:9092,127.0.0.2:9092,127.0.0.3:9092"
    assert config.cassandra.hosts == ("127.0.0.1", "127.0.0.2", "127.0.0.3")


def test_the_file_and_the_environment_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path, "[cassandra]\nnodes = 1\n[kafka]\npartitions = 6\n")
    monkeypatch.setenv("PENSTOCK_CONNECT__WORKERS", "1")
    config = load_config(file, profile=HA)
    assert (config.cassandra.nodes, config.cassandra.copies) == (1, {"datacenter1": 1})
    assert (config.kafka.brokers, config.kafka.partitions, config.connect.workers) == (3, 6, 1)


def test_the_state_remembers_it(tmp_path: Path) -> None:
    file = written(tmp_path)
    assert load_config(file).kafka.brokers == 1
    note_profile(tmp_path, HA)
    assert load_config(file) == load_config(file, profile=HA)


def test_copies_are_counted_with_its_brokers(tmp_path: Path) -> None:
    file = written(tmp_path, "[kafka]\nreplication_factor = 2\nmin_insync_replicas = 2\n")
    assert load_config(file, profile=HA).kafka.min_insync_replicas == 2
    with pytest.raises(ConfigInvalid, match="brokers 1"):
        load_config(file)


def test_it_is_a_setting_too(tmp_path: Path) -> None:
    assert load_config(written(tmp_path, "profile = 'ha'\n")).kafka.brokers == 3


def test_servers_of_others_have_none_of_ours(tmp_path: Path) -> None:
    others = "[kafka]\nmanaged = false\nbootstrap_servers = 'one:9092'\n"
    config = load_config(written(tmp_path, others), profile=HA)
    assert (config.kafka.brokers, config.cassandra.nodes) == (1, 3)


@pytest.mark.parametrize(
    "section", [{"managed": False}, {"host": "10.0.0.1"}, {"host": "kafka"}, {"brokers": 0}, {"brokers": 10}]
)
def test_numbers_that_nobody_can_run_are_refused(section: dict[str, object], tmp_path: Path) -> None:
    lines = "\n".join(f"{name} = {value!r}".replace("False", "false") for name, value in section.items())
    more = "" if "brokers" in section else "brokers = 2\n"
    with pytest.raises(ConfigInvalid, match="kafka"):
        load_config(written(tmp_path, f"[kafka]\n{more}{lines}\n"))


def test_in_containers_each_has_the_name_of_its_service(tmp_path: Path) -> None:
    file = written(tmp_path, "supervised = false\n[kafka]\nhost = 'broker'\nbrokers = 3\n")
    assert load_config(file).kafka.bootstrap == "broker:9092,broker-2:9092,broker-3:9092"
    with pytest.raises(ConfigInvalid, match="kafka"):
        load_config(written(tmp_path, "supervised = false\n[kafka]\nhost = 'localhost'\nbrokers = 3\n"))


def test_copies_follow_the_instances() -> None:
    two = Config.model_validate({"kafka": {"brokers": 2}, "cassandra": {"nodes": 2}})
    assert (two.kafka.replication_factor, two.kafka.min_insync_replicas) == (2, 1)
    assert two.cassandra.copies == {"datacenter1": 2}
    five = Config.model_validate({"kafka": {"brokers": 5}})
    assert (five.kafka.replication_factor, five.kafka.min_insync_replicas) == (3, 2)
