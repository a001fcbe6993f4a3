"""`python -m penstock.console.verify_child [VIEW]`: one verify, of the configuration on standard input.

A process of its own: Spark's memory must not stay in the console.
"""

from __future__ import annotations

import sys

from penstock.config import from_json
from penstock.errors import PenstockError


def main() -> None:
    """Verify; what it found is in the file that `penstock.verify.last` reads."""
    from penstock.project.workspace import Workspace
    from penstock.verify.run import run_verify

    config = from_json(sys.stdin.read())
    try:
        run_verify(Workspace(config), sys.argv[1:], on_progress=print)
    except PenstockError as exc:
        sys.exit(str(exc))


if __name__ == "__main__":
    main()
