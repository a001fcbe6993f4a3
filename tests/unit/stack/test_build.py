"""What stands for a part's code follows the contents of its files, and nothing that a process writes beside them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.clone import ROOT
from penstock.config import Config
from penstock.sections.kafka import KafkaMode
from penstock.stack import stack
from penstock.stack.build import build_of


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "code" / "inner").mkdir(parents=True)
    (tmp_path / "code" / "inner" / "a.py").write_text("1")
    return tmp_path / "code"


def add(name: str, text: str = "") -> Callable[[Path], object]:
    return lambda code: (code / name).write_text(text)


@pytest.mark.parametrize(
    "change",
    [add("inner/a.py", "2"), add("b.jar"), lambda code: (code / "inner" / "a.py").rename(code / "inner" / "b.py")],
)
def test_other_code_is_another_build(code: Path, change: Callable[[Path], object]) -> None:
    before = build_of([code])
    change(code)
    assert build_of([code]) != before


@pytest.mark.parametrize(
    "change",
    [
        lambda code: os.utime(code / "inner" / "a.py", (1, 1)),
        add("inner/a.pyc", "compiled"),
        add("classes.jsa", "recorded at the end of the first process"),
        add("archive.log", "by make setup"),
        add(".installed"),
    ],
)
def test_the_same_code_is_the_same_build(code: Path, change: Callable[[Path], object]) -> None:
    before = build_of([code])
    change(code)
    assert build_of([code]) == before


def test_of_python_packages_their_versions_count(tmp_path: Path) -> None:
    packages = tmp_path / "site-packages"
    old = packages / "some-1.dist-info"
    old.mkdir(parents=True)
    (old / "WHEEL").touch()
    before = build_of([packages])
    (packages / "unpacked.py").touch()
    assert build_of([packages]) == before
    old.rename(packages / "some-2.dist-info")
    assert build_of([packages]) != before


def test_a_place_that_is_not_there_is_no_code(tmp_path: Path) -> None:
    assert build_of([tmp_path / "none"]) == build_of([])


@pytest.mark.parametrize("mode", KafkaMode)
def test_each_part_says_what_it_runs_and_what_a_user_writes_is_not_of_it(mode: KafkaMode) -> None:
    config = Config(kafka={"mode": mode})
    users = [ROOT / name for name in ("penstock.toml", "spark/views", "schemas", "connect/connectors", "airflow/dags")]
    for part in stack.parts(config):
        assert part.one_shot or len(part.runs) > 1, f"{part.name} names its builder alone"
        assert [place for place in part.runs if "kafka-3.9" not in str(place) and not place.exists()] == []
        assert [place for place in part.runs for file in users if file == place or place in file.parents] == []
