"""A machine that lacks something is named in one line each, by the very script that `make` runs first."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from penstock.clone import ROOT
from penstock.sections.kafka import KafkaMode
from penstock.stack import prerequisites
from penstock.stack.prerequisites import NotInstalled, refuse_missing

SCRIPT = ROOT / "servers" / "prerequisites.sh"
PATHS = ("pen stock", "a,b", "a:b", "a%b", "penstück")
NEEDED = ("sh", "sed", "dirname", "df", "awk", "python3.11", "python3")


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """Return a folder that holds the tools of any machine, but neither Java nor Maven."""
    for tool in NEEDED:
        found = subprocess.run(
            ["/usr/bin/env", "which", tool], capture_output=True, text=True, check=False
        ).stdout.strip()
        if found:
            (tmp_path / tool).symlink_to(found)
    return tmp_path


def run(path: str, script: Path = SCRIPT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(script)], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )


def fake_java(folder: Path, version: str) -> None:
    java = folder / "java"
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-01-01' >&2\n")
    java.chmod(0o755)


def test_this_machine_has_everything() -> None:
    done = run(os.environ["PATH"])
    assert (done.returncode, done.stderr) == (0, "")


def test_a_java_that_first_says_its_options_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JDK_JAVA_OPTIONS", '"-Djava.io.tmpdir=/tmp"')
    done = run(os.environ["PATH"])
    assert (done.returncode, done.stderr) == (0, "")


def test_no_java_and_no_maven_are_both_said(bare_path: Path) -> None:
    done = run(str(bare_path))
    assert done.returncode == 1
    assert "no Java found" in done.stderr
    assert "no Maven found" in done.stderr


def test_a_wrong_java_is_said_with_its_version(bare_path: Path) -> None:
    fake_java(bare_path, "21.0.2")
    assert "Java 21 found" in run(str(bare_path)).stderr


def test_a_java_without_compiler_is_said(bare_path: Path) -> None:
    fake_java(bare_path, "17.0.1")
    assert "without its compiler" in run(str(bare_path)).stderr


def test_a_full_disk_is_said(bare_path: Path) -> None:
    disk = bare_path / "df"
    disk.unlink()
    disk.write_text("#!/bin/sh\necho Filesystem\necho '/dev/sda1 100000 99900 100 99% /'\n")
    disk.chmod(0o755)
    assert "only 100 MB free on the disk of this clone" in run(str(bare_path)).stderr


@pytest.mark.parametrize(("folder", "said"), [("a+b@c~d=e-1.0_x", ""), *((bad, "only ASCII") for bad in PATHS)])
def test_a_path_that_servers_cannot_read_is_said(tmp_path: Path, folder: str, said: str) -> None:
    script = tmp_path / folder / "servers" / SCRIPT.name
    script.parent.mkdir(parents=True)
    shutil.copy(SCRIPT, script)
    done = run(os.environ["PATH"], script)
    assert (done.returncode, said in done.stderr) == (int(bool(said)), True)
    assert bool(done.stderr) == bool(said)


def test_the_servers_of_a_mode_are_asked_for_by_that_mode_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in prerequisites._INSTALLED:
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setattr(prerequisites, "SERVERS", tmp_path)
    refuse_missing(KafkaMode.KRAFT)
    with pytest.raises(NotInstalled, match=r"kafka-3\.9 not installed\. What to do: make setup-zookeeper"):
        refuse_missing(KafkaMode.ZOOKEEPER)
