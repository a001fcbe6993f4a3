"""The clone that this package is a part of: from here its own files are found."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
