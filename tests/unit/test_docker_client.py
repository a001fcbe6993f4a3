"""Of several docker clients the tests in containers take one that can build."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from penstock.clone import ROOT

SCRIPT = ROOT / "servers" / "compose" / "docker-client.sh"
NEW, OLD = "Docker version 27.5.1, build 9f9e405", "Docker version 20.10.24+dfsg1, build 297e128"


def client(folder: Path, name: str, version: str, *, has_buildx: bool = False) -> str:
    """Write a client that says its version, and of buildx what it has."""
    (folder / name).mkdir()
    file = folder / name / "docker"
    file.write_text(
        f"#!/bin/sh\ncase \"$1\" in\n--version) echo '{version}' ;;\nbuildx) exit {int(not has_buildx)} ;;\nesac\n"
    )
    file.chmod(0o755)
    return str(folder / name)


def choose(*folders: str) -> subprocess.CompletedProcess[str]:
    path = ":".join(folders)
    command = ["/bin/bash", "-c", f"PATH=$PATH_OF_TEST; . {SCRIPT}"]
    tools = {"PATH_OF_TEST": path, "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, env=tools, capture_output=True, text=True, check=False)


@pytest.fixture
def tools(tmp_path: Path) -> str:
    """Make a folder with what the script runs, and no docker."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ("timeout", "sed", "dirname"):
        (folder / name).symlink_to(next(p for p in (Path("/usr/bin") / name, Path("/bin") / name) if p.exists()))
    return str(folder)


def test_a_client_without_buildx_is_passed_over(tmp_path: Path, tools: str) -> None:
    bare = client(tmp_path, "bare", NEW)
    assert choose(bare, client(tmp_path, "old", OLD), tools).stdout.strip() == str(tmp_path / "old")
    assert choose(bare, client(tmp_path, "whole", NEW, has_buildx=True), tools).stdout.strip() == str(
        tmp_path / "whole"
    )


def test_the_first_that_can_build_is_taken(tmp_path: Path, tools: str) -> None:
    whole = client(tmp_path, "whole", NEW, has_buildx=True)
    assert choose(whole, client(tmp_path, "old", OLD), tools).stdout.strip() == whole


def test_none_is_said_with_what_to_install(tmp_path: Path, tools: str) -> None:
    for folders in ([tools], [client(tmp_path, "bare", NEW), tools]):
        done = choose(*folders)
        assert done.returncode == 1
        assert "buildx" in done.stderr
