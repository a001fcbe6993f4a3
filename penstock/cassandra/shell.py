"""Run cqlsh in this process without its version warning: `python -m penstock.cassandra.shell HOST PORT …`.

The wheel of cqlsh does not say what it was built against, so it warns about every server, on standard output.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Start cqlsh with the arguments of this process, and the settings and history of the folder of `CQL_HISTORY`."""
    cqlshmain = _load(Path(os.environ["CQL_HISTORY"]).parent)
    cqlshmain.Shell.check_build_versions = lambda _: None
    cqlshmain.main(sys.argv[1:], "")


def _load(home: Path) -> Any:
    """Load cqlsh, which reads and moves files of the user's home then: a `cqlshrc` is for another Cassandra.

    Later `~` is the user's again, for `SOURCE` and `COPY`.
    """
    before = os.environ.get("HOME")
    os.environ["HOME"] = str(home)
    try:
        from cqlshlib import cqlshmain  # type: ignore[import-untyped]
    finally:
        os.environ.pop("HOME")
        os.environ.update({} if before is None else {"HOME": before})
    return cqlshmain


if __name__ == "__main__":
    main()
