"""How long anything may take before a test calls it lost: machines are shared, and no test asserts a time."""

from __future__ import annotations

PATIENCE_S = 600.0
