"""The job of row views and histories; `python spark/jobs/row_views.py --help` shows its options.

Its supervisor restarts it when it exits with 1, and stops it with SIGTERM.
"""

from __future__ import annotations

import sys

from penstock_views.running.process import main_of
from penstock_views.running.row_views import run
from penstock_views.stream.config import parse_arguments

if __name__ == "__main__":
    sys.exit(main_of("views", run, parse_arguments()))
