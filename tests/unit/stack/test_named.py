"""A state folder belongs to one installation."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.config import Config
from penstock.stack.alone import alone
from penstock.stack.named import OtherName, refuse_other_name


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
