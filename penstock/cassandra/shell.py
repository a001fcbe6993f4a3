"""Run cqlsh in this process without its version warning: `python -m penstock.cassandra.shell HOST PORT …`.

The wheel of cqlsh does not say what it was built against, so it warns about every server, on standard output.
"""

from __future__ import annotations

import sys

from cqlshlib import cqlshmain  # type: ignore[import-untyped]


def main() -> None:
    """Start cqlsh with the arguments of this process."""
    cqlshmain.Shell.check_build_versions = lambda _: None
    cqlshmain.main(sys.argv[1:], "")


if __name__ == "__main__":
    main()
