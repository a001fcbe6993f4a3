"""Lists in the documents are whole: what was added to the code is in them."""

from __future__ import annotations

import re

from penstock.clone import ROOT


def test_contributing_says_which_files_have_slow_tests_and_what_they_guard() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    tests = ROOT / "tests"
    slow = {file for file in tests.rglob("test_*.py") if re.search(r"\bmark\.slow\b", file.read_text())}
    assert len(slow) > 50
    assert sorted(file.name for file in slow if file.name not in page and f"`{file.parent.name}/`" not in page) == []


def test_the_source_connectors_page_says_what_each_class_does() -> None:
    folder = ROOT / "connect" / "postgres-source"
    page = (folder / "README.md").read_text(encoding="utf-8")
    classes = [file.stem for file in (folder / "src/main/java/dev/penstock/postgres").glob("*.java")]
    assert len(classes) > 20
    assert [name for name in classes if f"`{name}`" not in page] == []
