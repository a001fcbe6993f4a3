"""The engine's packages: none hides a name of view files, few modules of `penstock` are used, light ones stay light.

`test_layers.py` holds the packages themselves to their order.
"""

from __future__ import annotations

import re
import subprocess
import sys

import penstock_views
import pytest

from penstock.clone import ROOT
from tests.contract.imports import MODULES, SOURCES, imports_of

LIGHT = ("penstock_views", "penstock_views.stream.checkpoint", "penstock_views.aggregates.run")
"""What programs without Spark use."""


def used() -> set[str]:
    """Find the modules of `penstock` that the engine imports."""
    engine = [file for module, file in MODULES.items() if module.startswith("penstock_views")]
    found = {imported for file in engine for imported in imports_of(file)}
    return {module.removeprefix("penstock.") for module in found if not module.startswith("penstock_views")}


def listed() -> set[str]:
    """Read which of them docs/architecture.md lists."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    (paragraph,) = re.findall(r"- From `penstock` the engine imports only(.*?)\n(?:- |\n)", page, re.DOTALL)
    return set(re.findall(r"`([\w.]+)`", paragraph))


def test_no_package_has_a_name_that_view_files_import() -> None:
    packages = {file.parent.name for file in SOURCES["penstock_views"].glob("*/__init__.py")}
    assert packages
    assert not packages & set(penstock_views.__all__)


@pytest.mark.parametrize("name", penstock_views.__all__)
def test_view_files_import_each_name(name: str) -> None:
    assert getattr(penstock_views, name).__name__ == name


def test_the_engine_imports_only_the_modules_that_the_architecture_lists() -> None:
    assert used() == listed()


@pytest.mark.parametrize("module", LIGHT)
def test_a_light_module_loads_no_spark(module: str) -> None:
    loads = f"import sys, {module}; print('pyspark' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", loads], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
