"""A state folder belongs to one installation."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.config import Config
from penstock.stack.alone import alone
from penstock.stack.named import OtherName, StateForeign, refuse_other_name, refuse_unnoted


def named(state: Path, name: str = "penstock") -> Config:
    return Config(state=state, name=name)


def test_a_state_is_of_the_installation_that_began_it(tmp_path: Path) -> None:
    with alone(named(tmp_path, "orders"), "penstock up"):
        pass
    refuse_other_name(named(tmp_path, "orders"))
    with pytest.raises(
        OtherName, match=r'belongs to the installation orders, .* the name penstock.*\n.*name = "orders"'
    ):
        refuse_other_name(named(tmp_path))
    with pytest.raises(OtherName), alone(named(tmp_path, "others"), "penstock up"):
        pass


def test_data_of_an_earlier_version_is_of_the_default(tmp_path: Path) -> None:
    refuse_other_name(named(tmp_path, "orders"))
    (tmp_path / "data" / "kafka").mkdir(parents=True)
    refuse_other_name(named(tmp_path, "orders"))
    (tmp_path / "data" / "kafka" / "meta.properties").touch()
    refuse_other_name(named(tmp_path))
    with pytest.raises(OtherName):
        refuse_other_name(named(tmp_path, "orders"))


def test_a_folder_with_things_of_others_gets_no_stack(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    said = rf"nothing was done: {tmp_path} holds photos, which is none of Penstock's"
    with pytest.raises(StateForeign, match=said), alone(named(tmp_path), "penstock up"):
        pass
    assert [each.name for each in tmp_path.iterdir()] == ["photos"]


def test_what_comes_before_the_first_start_is_no_thing_of_others(tmp_path: Path) -> None:
    for folder in ("secrets", "clients", "lost+found"):
        (tmp_path / folder).mkdir()
    with alone(named(tmp_path), "penstock up"):
        pass


@pytest.mark.parametrize("folder", ["photos", "data/2024", "logs"])
def test_only_the_folder_of_a_stack_may_be_deleted(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "a.txt").touch()
    with pytest.raises(StateForeign, match=rf"nothing was done: {tmp_path} holds .*, and no note of a stack"):
        refuse_unnoted(named(tmp_path))
    with alone(named(tmp_path / "var"), "penstock up"):
        pass
    refuse_unnoted(named(tmp_path / "var"))
    refuse_unnoted(named(tmp_path / "absent"))
