"""A clone that was moved after its installation: what holds its old path goes, and is made again by the next `make`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from penstock.clone import ROOT

BOUND = (".venv/bin/penstock", ".servers/airflow-venv/bin/airflow", ".servers/spark/classes.jsa")
FREE = (".servers/spark/some.jar", "var/data")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "here"
    for name in (*BOUND, *FREE):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "servers").mkdir()
    return folder


def look_at_place(clone: Path) -> set[str]:
    """Return what is left after the rule on which both Python environments depend."""
    subprocess.run(["make", ".tools/place"], cwd=clone, check=True, capture_output=True)
    return {name for name in (*BOUND, *FREE) if (clone / name).exists()}


def test_in_its_place_a_clone_keeps_everything(clone: Path) -> None:
    (clone / ".tools").mkdir()
    (clone / ".tools" / "place").write_text(f"{clone}\n")
    before = (clone / ".tools" / "place").stat().st_mtime_ns
    assert look_at_place(clone) == {*BOUND, *FREE}
    # What depends on it is not made again.
    assert (clone / ".tools" / "place").stat().st_mtime_ns == before


def test_a_moved_clone_loses_what_holds_its_old_path(clone: Path) -> None:
    moved = clone.rename(clone.parent / "there")
    (moved / ".tools").mkdir()
    (moved / ".tools" / "place").write_text(f"{clone}\n")
    assert look_at_place(moved) == set(FREE)
    assert (moved / ".tools" / "place").read_text() == f"{moved}\n"


def test_a_clone_that_never_noted_its_place_keeps_what_names_it(clone: Path) -> None:
    (clone / ".venv" / "bin" / "penstock").write_text(f"#!{clone}/.venv/bin/python\n")
    assert look_at_place(clone) == {*BOUND, *FREE}
