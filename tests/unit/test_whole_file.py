"""A file is the old one or the new one, whenever its writer is killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from penstock.clone import ROOT
from penstock.whole_file import write_whole

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
