"""What the layers share: the one stack that the e2e and fault tests run against."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.cassandra.session import open_session
from penstock.config import ROOT, load_config
from tests.stack import STATE, Stack, toml


@pytest.fixture(scope="session")
def stack_environment() -> dict[str, str]:
    """Return the environment in which every `penstock` command means the tests' stack."""
    folder = ROOT / STATE
    folder.mkdir(exist_ok=True)
    file = ROOT / f"{STATE}.toml"
    file.write_text(toml())
    return {**os.environ, "PENSTOCK_CONFIG": str(file)}


@pytest.fixture(scope="session")
def stack(stack_environment: dict[str, str]) -> Iterator[Stack]:
    """Start the stack with the README's first command; stop it and look for leftovers at the end."""
    config = load_config(Path(stack_environment["PENSTOCK_CONFIG"]))
    _penstock(stack_environment, "reset", "--yes")
    _penstock(stack_environment, "up")
    try:
        with open_session(config) as session:
            yield Stack(config, stack_environment, session)
    finally:
        _penstock(stack_environment, "down")


def _penstock(environment: dict[str, str], *arguments: str) -> None:
    command = [str(ROOT / ".venv/bin/penstock"), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)
    print(done.stdout, done.stderr)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
