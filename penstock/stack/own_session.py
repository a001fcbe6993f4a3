"""Becomes a command that is a session of its own: for what a part starts, and what should not share its processors.

`python -m penstock.stack.own_session COMMAND ARGUMENT …`; the pid stays what it is.
"""

from __future__ import annotations

import os
import sys

from penstock.stack.processor_share import share_as_one


def main() -> None:
    """Begin the session, then exec."""
    share_as_one(0)
    command = sys.argv[1:]
    os.execvp(command[0], command)  # noqa: S606 - becoming the command without a shell is the purpose


if __name__ == "__main__":
    main()
