"""A file is the old one or the new one, whenever its writer is killed."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.clone import ROOT
from penstock.whole_file import write_once, write_whole

WRITER = "import sys; from pathlib import Path; from penstock.whole_file import write_whole\nwhile True:\n" + "".join(
    f"    write_whole(Path(sys.argv[1]), {letter!r} * 1_000_000)\n" for letter in "ab"
)


def test_no_kill_leaves_a_part_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "whole"
    write_whole(file, "a" * 1_000_000)
    for _ in range(5):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(file)], cwd=ROOT) as writer:
            seen = {file.read_text() for _ in range(300)}
            writer.kill()
        assert {*seen, file.read_text()} <= {letter * 1_000_000 for letter in "ab"}


def test_its_mode_and_the_link_to_it_stay(tmp_path: Path) -> None:
    file, link = tmp_path / "folder" / "secret", tmp_path / "link"
    write_whole(file, "one", mode=0o600)
    link.symlink_to(file)
    write_whole(link, "two", mode=0o600)
    assert (file.read_text(), link.is_symlink(), file.stat().st_mode & 0o777) == ("two", True, 0o600)


@pytest.mark.parametrize("has_links", [True, False])
def test_a_file_is_written_once_also_where_there_are_no_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    if not has_links:
        monkeypatch.setattr(os, "link", refuse)
    file = tmp_path / "folder" / "secret"
    write_once(file, "one")
    monkeypatch.setattr(Path, "exists", lambda _: False)  # another process has written it since the look
    write_once(file, "two")
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("one", 0o600)
    assert list(file.parent.iterdir()) == [file]
