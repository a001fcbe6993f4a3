"""The console stays small: what it loads is what it needs."""

from __future__ import annotations

import subprocess
import sys

from penstock.clone import ROOT

HEAVY = ("pyspark", "penstock_views.declaration", "penstock_views.types", "pandas", "numpy", "faker")


def test_the_console_loads_no_spark() -> None:
    program = f"import sys, penstock.console.app; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
