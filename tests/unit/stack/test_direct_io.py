"""Whether files can be written with O_DIRECT is tried, and nothing is left behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from penstock.stack.direct_io import takes_direct_io


def test_a_disk_takes_them_where_the_system_has_them(tmp_path: Path) -> None:
    # Of the file systems that people work on, only tmpfs before Linux 6.6 and some network's refuse; macOS has none.
    assert takes_direct_io(tmp_path) == hasattr(os, "O_DIRECT")
    assert not list(tmp_path.iterdir())


def test_a_system_without_them_takes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "O_DIRECT", raising=False)
    assert not takes_direct_io(tmp_path)


def test_a_folder_that_is_not_there_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        takes_direct_io(tmp_path / "missing")
