"""The order of the stop follows from the needs: whoever uses a part ends before it. A reset deletes a stack alone."""

import os
from pathlib import Path
from typing import Any

import pytest

from penstock.config import Config
from penstock.installation import DEFAULT
from penstock.profile import Profile, with_profile
from penstock.project.workspace import Workspace
from penstock.sections.connect import Connect
from penstock.setup.steps import nodes
from penstock.stack import stack
from penstock.stack.stop import StateLeft, all_needs, reset
from tests.stack import run_here

HA = Config(**with_profile({}, Profile.HA))


def test_users_of_a_part_end_before_it() -> None:
    needs = all_needs(stack.parts(Config()), stack.STEPS)
    assert {"kafka", "postgres", "cassandra", "registry"} <= needs["connect"]
    assert {"kafka", "registry", "spark-worker", "spark-master"} <= needs["views"]
    assert "connect" in needs["connect-watcher"]
    assert {"airflow-api-server", "postgres"} <= needs["airflow-scheduler"]


def test_users_of_a_part_end_before_each_of_its_instances() -> None:
    needs = all_needs(stack.parts(HA), stack.step_needs(HA))
    brokers, nodes, workers = ({kind, f"{kind}-2"} for kind in ("kafka", "cassandra", "spark-worker"))
    assert {*brokers, "kafka-3", *nodes, "cassandra-3"} <= needs["connect-2"]
    assert {*brokers, *workers} <= needs["views"]
    assert {"connect", "connect-2"} <= needs["connect-watcher"]
    assert not needs["kafka"] & {"kafka-2", "kafka-3"}, "a quorum starts together"


def test_every_need_is_a_node() -> None:
    everything = nodes(Workspace(HA))
    names = {node.name for node in everything}
    assert all(need in names for node in everything for need in node.needs)


def test_no_two_parts_share_a_port() -> None:
    doors = stack.doors(HA)
    assert len({(door.host, door.port) for door in doors}) == len(doors)


def test_the_watcher_is_a_part_unless_it_is_switched_off() -> None:
    with_it = [part.name for part in stack.parts(Config())]
    without = [part.name for part in stack.parts(Config(connect=Connect(watch=False)))]
    assert [name for name in with_it if name not in without] == ["connect-watcher"]


def stack_in(state: Path) -> Config:
    """Make what a stack leaves, with a file that comes after its note."""
    (state / "data" / "kafka").mkdir(parents=True)
    (state / "name").write_text(DEFAULT)
    (state / "data" / "kafka" / "segment.log").touch()
    return Config(state=state)


def test_a_reset_deletes_the_folder_of_a_stack(tmp_path: Path) -> None:
    config = stack_in(tmp_path / "var")
    reset(config, on_stopped=lambda _: None)
    assert not config.state_dir.exists()


def test_what_a_reset_could_not_delete_is_said_and_can_be_deleted_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, unlink = stack_in(tmp_path / "var"), os.unlink

    def refuse(path: Any, **more: Any) -> None:
        if str(path).endswith("segment.log"):
            raise PermissionError(13, "Permission denied", path)
        unlink(path, **more)

    with monkeypatch.context() as of_another_user:
        of_another_user.setattr(os, "unlink", refuse)
        with pytest.raises(StateLeft, match=r"data/kafka/segment.log .*Permission denied.*\n.*penstock reset --yes"):
            reset(config, on_stopped=lambda _: None)
    assert run_here(["reset", "--yes"], {"PENSTOCK_STATE": str(config.state_dir)}).returncode == 0
    assert not config.state_dir.exists()


def test_a_reset_deletes_nothing_that_is_no_stacks(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    done = run_here(["reset", "--yes"], {"PENSTOCK_STATE": str(tmp_path)})
    assert (done.returncode, (tmp_path / "photos").exists()) == (1, True)
    assert "no note of a stack" in done.stderr
    of_containers = {"PENSTOCK_STATE": str(tmp_path), "PENSTOCK_SUPERVISED": "false"}
    assert "`docker compose down`" in run_here(["reset", "--yes"], of_containers).stderr
