"""Launcher of each part: ends what an earlier process of the part left, then becomes the part's process.

A server that was killed with -9 can leave children behind (Postgres its backends, Airflow its workers). They hold ports
or memory that the next process needs.
`python -m penstock.stack.launch FILE`; FILE is a launch file written by `supervisor.py`.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from penstock.environment import PART_MARK, taken_from
from penstock.stack.build import build_of
from penstock.stack.processes import BUILD_MARK, STATE_MARK, sweep
from penstock.stack.processor_share import share_as_one
from penstock.stack.timers import let_timers_be_late


def main() -> None:
    """Sweep, then exec: the pid that the supervisor watches is the server's own."""
    launch = json.loads(Path(sys.argv[1]).read_text())
    environment = {**taken_from(os.environ), **launch["environment"]}
    sweep(Path(environment[STATE_MARK]), part=environment[PART_MARK])
    _empty(Path(environment["TMPDIR"]))
    share_as_one(launch["nice"])
    let_timers_be_late(launch["timer_slack_ms"])
    # A file of an earlier version does not name them: the next `up` restarts the part.
    environment[BUILD_MARK] = build_of(launch.get("runs", ()))
    command = launch["command"]
    os.execvpe(command[0], command, environment)  # noqa: S606 - becoming the server without a shell is the purpose


def _empty(folder: Path) -> None:
    """Make the part's folder of temporary files again: a killed JVM leaves its unpacked libraries."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


if __name__ == "__main__":
    main()
