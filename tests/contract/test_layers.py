"""A package imports only what stands below it in the drawing of docs/architecture.md; light commands stay light."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from penstock.cli.main import _COMMANDS
from penstock.clone import ROOT
from tests.contract.imports import MODULES, imports_of

LIGHT = ("down", "reset", "logs", "topics", "connectors", "status")
"""The commands that load no PySpark."""

LIGHTEST = ("down", "reset", "logs")
DRIVERS = ("pyspark", "cassandra", "confluent_kafka", "requests", "fastavro")
"""What the lightest commands do without: together half a second."""


def rows() -> list[list[str]]:
    """Read the drawing, the top row first."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page.split("### Which package imports which")[1]
    drawing = section.split("```")[1]
    return [re.findall(r"[\w.]+", line.split("│")[1]) for line in drawing.splitlines() if "│" in line]


def named(unit: str) -> str:
    """Name a unit of the drawing as Python does."""
    return unit if unit.startswith("penstock_views") else f"penstock.{unit}"


LEVELS = {named(unit): level for level, row in enumerate(reversed(rows())) for unit in row}


def unit_of(module: str) -> str:
    """Name the unit that a module belongs to, the one with the longest name; a module that has none is its own."""
    return max((unit for unit in LEVELS if f"{module}.".startswith(f"{unit}.")), key=len, default=module)


def test_the_drawing_has_every_package_and_names_none_that_is_gone() -> None:
    assert {unit_of(module) for module in MODULES} == LEVELS.keys()


def test_each_module_imports_only_what_stands_below_its_package() -> None:
    upward = [
        f"{module} imports {imported}"
        for module, file in MODULES.items()
        for imported in imports_of(file)
        if (unit := unit_of(imported)) != (own := unit_of(module)) and LEVELS.get(unit, 0) >= LEVELS.get(own, 0)
    ]
    assert upward == []


def files_that_call(*functions: str) -> set[str]:
    """Name the files of penstock/ that call one of these functions."""
    called = re.compile(rf"\b({'|'.join(functions)})\(")
    folder = ROOT / "penstock"
    return {str(file.relative_to(folder)) for file in folder.rglob("*.py") if called.search(file.read_text())}


def test_only_a_workspace_runs_the_view_files_and_only_a_program_makes_one() -> None:
    # `make.py` runs what it drew, in a folder of its own; the console asks a child process.
    assert files_that_call("load_views", "load_each") == {
        "project/workspace.py",
        "views/make.py",
        "console/look/declared.py",
    }
    makers = {file for file in files_that_call("Workspace") if not file.startswith(("cli/", "bench/"))}
    assert makers == {"project/workspace.py", "console/verify_child.py"}


@pytest.mark.parametrize("command", LIGHT)
def test_a_light_command_loads_no_spark(command: str) -> None:
    loads = f"import sys, penstock.cli.{_COMMANDS[command][0]}; print('pyspark' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", loads], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("command", LIGHTEST)
def test_a_command_that_asks_no_server_loads_no_driver(command: str) -> None:
    loads = (
        f"import sys, penstock.cli.main, penstock.cli.{_COMMANDS[command][0]}; "
        f"print([each for each in {DRIVERS!r} if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", loads], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
