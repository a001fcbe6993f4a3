"""The `java` by which Spark's worker starts its executors: each is a session of its own (`processor_share.py`).

In the worker's session they were threads of one. While the executor of row views begins its next batch it has many that
run, and the other one got what a single thread gets. Of 300 waits for an aggregate those above 3 s were then.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

_SCRIPT = """#!/bin/sh
# Written by {writer}.
case " $* " in
*" org.apache.spark.executor.CoarseGrainedExecutorBackend "*) exec {python} -m penstock.stack.own_session {java} "$@" ;;
esac
exec {java} "$@"
"""


def write_java_home(home: Path) -> None:
    """Write `bin/java` under a folder, which a worker takes when `JAVA_HOME` names the folder.

    What it becomes is the Java that the stack has itself: that of its own `JAVA_HOME`, or the first in its path.
    """
    java = f"{os.environ['JAVA_HOME']}/bin/java" if os.environ.get("JAVA_HOME") else "java"
    script = home / "bin" / "java"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(
        _SCRIPT.format(writer=Path(__file__).name, python=shlex.quote(sys.executable), java=shlex.quote(java))
    )
    script.chmod(0o755)
