"""The worker's `java`: an executor begins a session, anything else is the Java that it was."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.stack.parts.executor_java import write_java_home

EXECUTOR = "org.apache.spark.executor.CoarseGrainedExecutorBackend"
REAL = f"""#!{sys.executable}
import json, os, sys
print(json.dumps([os.getpid() == os.getsid(0), sys.argv[1:]]))
"""


@pytest.fixture
def java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    real = tmp_path / "a real one" / "bin" / "java"
    real.parent.mkdir(parents=True)
    real.write_text(REAL)
    real.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(real.parent.parent))
    write_java_home(tmp_path / "home")
    return tmp_path / "home" / "bin" / "java"


@pytest.mark.parametrize(("main_class", "leads"), [(EXECUTOR, True), ("org.apache.spark.launcher.Main", False)])
def test_only_an_executor_leads_a_session(java: Path, main_class: str, leads: bool) -> None:
    words = ["-cp", "a b:c", main_class, "--app-id", "1"]
    result = subprocess.run([java, *words], capture_output=True, text=True, check=True)
    assert json.loads(result.stdout) == [leads, words]
