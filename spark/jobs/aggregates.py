"""The aggregates job; `python spark/jobs/aggregates.py --help` shows its options.

Its supervisor restarts it when it exits with 1, and stops it with SIGTERM.
"""

from __future__ import annotations

import sys

from penstock_views.running.aggregates import run_aggregates
from penstock_views.running.process import main_of
from penstock_views.stream.config import parse_aggregates_arguments

if __name__ == "__main__":
    sys.exit(main_of("aggregates", run_aggregates, parse_aggregates_arguments()))
