"""What the documents point at is there: pages, their headings, files of the repository and functions in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from penstock.clone import ROOT
from tests.contract.test_words import DOCUMENTS

_CODE = re.compile(r"```.*?```", re.DOTALL)
_LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
_FOLDERS = "airflow|connect|docs|penstock|schemas|servers|spark|tests"
_FILE = re.compile(rf"`((?:{_FOLDERS})/[\w./-]+\.(?:py|java|sql|json|md|xml|toml|yml|properties))`")
_STEP = re.compile(r"^\| .* \| `([\w./-]+)` \| `([\w.]+)` \|$", re.MULTILINE)
# The tutorial makes these.
_MADE_LATER = {"spark/views/orders_by_customer.py"}


def each_document() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def anchors_of(document: Path) -> set[str]:
    """Name the headings of a page as their links do."""
    headings = re.findall(r"^#+ (.*)$", _CODE.sub("", document.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_document()
def test_links_lead_somewhere(document: Path) -> None:
    for link in _LINK.findall(_CODE.sub("", document.read_text())):
        if link.startswith("http"):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors_of(target), link


@each_document()
def test_named_files_exist(document: Path) -> None:
    named = set(_FILE.findall(document.read_text())) - _MADE_LATER
    assert not [name for name in named if not (ROOT / name).exists()]


def test_a_records_way_leads_through_functions_that_exist() -> None:
    steps = _STEP.findall((ROOT / "docs" / "architecture.md").read_text())
    assert len(steps) > 20
    assert not [(file, name) for file, name in steps if not re.search(rf"\b{name}\b", (ROOT / file).read_text())]
