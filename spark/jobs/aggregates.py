"""The aggregates job; `python spark/jobs/aggregates.py --help` tells its options.

Whoever supervises it restarts it when it exits with 1, and stops it with SIGTERM.
"""

from __future__ import annotations

import sys

from penstock_views.config import parse_aggregates_arguments
from penstock_views.job import main_of
from penstock_views.keeper import run_aggregates

if __name__ == "__main__":
    sys.exit(main_of("aggregates", run_aggregates, parse_aggregates_arguments()))
