"""The clone that Penstock is: from here its own files are found."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The clone: everything that Penstock reads or writes lies below it."""
