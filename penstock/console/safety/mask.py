"""Hides the values of chosen columns before anything leaves the server, so no page or route can forget."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from penstock.connect.secrets import HIDDEN
from penstock.names import postgres_name

_NUMBER = re.compile(r'"\\u0000([^"\\]+)\\u0000"')


class Mask:
    """Hides the values of columns by name, at any depth, in JSON texts too."""

    def __init__(self, columns: Sequence[str]) -> None:
        # By Postgres' names; somebody may have written those that Kafka and Cassandra have instead.
        self.columns = frozenset(map(postgres_name, columns))

    def __bool__(self) -> bool:
        return bool(self.columns)

    def hides(self, name: str) -> bool:
        """Return whether the values of a column are hidden, by Postgres' name of it or another store's."""
        return name in self.columns or postgres_name(name) in self.columns

    def hide(self, value: Any) -> Any:
        """Return the value with everything masked replaced; None stays None."""
        if not self.columns:
            return value
        if isinstance(value, dict):
            return {name: self._hide_named(name, inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.hide(inner) for inner in value]
        return self._hide_in_text(value) if isinstance(value, str) else value

    def _hide_named(self, name: str, value: Any) -> Any:
        return HIDDEN if self.hides(name) and value is not None else self.hide(value)

    def _hide_in_text(self, text: str) -> str:
        """Look into a text that is JSON: a history holds whole rows so."""
        if not text.startswith(("{", "[")):
            return text
        try:
            value = json.loads(text, parse_int=_as_written, parse_float=_as_written)
        except ValueError:
            return text
        return _NUMBER.sub(r"\1", json.dumps(self.hide(value), ensure_ascii=False))


def _as_written(number: str) -> str:
    """Keep all digits of a number, of which Python reads 4,300 at most: a text with NULs, as no database holds one."""
    return f"\0{number}\0"
