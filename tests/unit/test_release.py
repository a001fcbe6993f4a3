"""What a release refuses, and what it reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from penstock.clone import ROOT
from release.release import checksums, notes, sink_version, why_not

CHANGELOG = """# Changelog

## [Unreleased]

## [0.2.0] - 2026-12-01

### Fixed

- A fault.

## [0.1.0] - 2026-11-01

- The first.
"""
WELL: dict[str, Any] = {
    "changelog": CHANGELOG,
    "sink": "0.1.0",
    "sink_changelog": "# Changelog\n\n## 0.1.0\n\n- It writes.\n",
    "changed": [],
    "tags": ["v0.1.0"],
}


def test_a_clean_clone_with_notes_is_released() -> None:
    assert why_not("0.2.0", **WELL) == []


@pytest.mark.parametrize(
    ("version", "other", "reason"),
    [
        ("0.2.0", {"changed": [" M penstock/wait.py"]}, "not committed:  M penstock/wait.py"),
        ("0.2.0", {"changed": ["?? left.over"]}, "not committed: ?? left.over"),
        ("0.1.0", {}, "tag v0.1.0 exists: raise the version in pyproject.toml"),
        ("0.3.0", {}, "CHANGELOG.md has no entry below `## [0.3.0] - DATE`"),
        ("0.2.0", {"sink": "0.2.0"}, "connect/cassandra-sink/CHANGELOG.md has no entry below `## 0.2.0`"),
    ],
)
def test_everything_else_is_refused(version: str, other: dict[str, Any], reason: str) -> None:
    assert why_not(version, **{**WELL, **other}) == [reason]


def test_a_version_that_is_none_is_refused() -> None:
    assert "version 0.2 of pyproject.toml is not of the form 1.2.3" in why_not("0.2", **WELL)


def test_the_notes_end_at_the_next_version() -> None:
    assert notes(CHANGELOG, "0.2.0") == "### Fixed\n\n- A fault."
    assert notes(CHANGELOG, "0.1.0") == "- The first."
    assert (notes(CHANGELOG, "Unreleased"), notes(CHANGELOG, "0.1"), notes(CHANGELOG, "0.2.00")) == ("", "", "")


def test_the_sink_has_a_version_and_notes_of_it() -> None:
    folder = ROOT / "connect" / "cassandra-sink"
    version = sink_version((folder / "pom.xml").read_text())
    assert notes((folder / "CHANGELOG.md").read_text(), version)


def test_checksums_are_those_of_sha256sum(tmp_path: Path) -> None:
    for name, text in (("b.whl", "b"), ("a.zip", ""), ("SHA256SUMS", "old")):
        (tmp_path / name).write_text(text)
    assert checksums(tmp_path.iterdir()) == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a.zip\n"
        "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d  b.whl\n"
    )
