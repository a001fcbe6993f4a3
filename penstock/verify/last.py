"""The outcome of the last `verify`, as the file that it leaves for the control center."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from penstock.config import Config
from penstock.layout import Layout
from penstock.verify.model import ViewResult
from penstock.whole_file import write_whole


def last_file(config: Config) -> Path:
    """Name the file."""
    return Layout.of(config).run / "verify.json"


def keep_results(config: Config, results: Sequence[ViewResult]) -> None:
    """Note the outcome of some views, each with its time; what was known of others stays."""
    file = last_file(config)
    known = read_last(config)
    known.update({result.view: {**result.as_json(), "at": time.time()} for result in results})
    write_whole(file, json.dumps(known, indent=2))


def forget_results(config: Config, views: Collection[str]) -> None:
    """Forget what is known of views that are dropped: another of the name was never compared."""
    known = read_last(config)
    left = {name: result for name, result in known.items() if name not in views}
    if left != known:
        write_whole(last_file(config), json.dumps(left, indent=2))


def read_last(config: Config) -> dict[str, dict[str, Any]]:
    """Return what is known of each view: a `ViewResult` as JSON, and `at` in seconds since 1970."""
    try:
        known: dict[str, dict[str, Any]] = json.loads(last_file(config).read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return known
