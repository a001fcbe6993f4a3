"""One command at a time; a killed one leaves nothing that keeps the next from its work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from penstock.config import Config
from penstock.sections.postgres import Postgres
from penstock.stack.alone import StackBusy, alone

HOLDER = """
import sys, time
from pathlib import Path
from penstock.config import Config
from penstock.sections.postgres import Postgres
from penstock.stack.alone import alone
with alone(Config(state=Path(sys.argv[1]), postgres=Postgres(port=1)), "penstock views apply"):
    print("holds", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Return one of a stack whose Postgres is away: by the usual port a stack that runs here would be changed."""
    return Config(state=tmp_path, postgres=Postgres(port=1))


def test_one_after_the_other(config: Config) -> None:
    for command in ("penstock up", "penstock views drop orders"):
        with alone(config, command):
            pass


def test_the_second_hears_of_the_first_until_that_is_killed(config: Config) -> None:
    command = [sys.executable, "-c", HOLDER, str(config.state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "holds\n"
        said = rf"`penstock views apply` \(pid {holder.pid}, since"
        with pytest.raises(StackBusy, match=said), alone(config, "another"):
            pass
        holder.kill()
    with alone(config, "another"):
        pass
