"""The columns whose values never leave Postgres: the source connector does not send them, and no reading selects them.

`penstock.toml` names them by table (`exclude`). So the views of a table cannot disagree, and a view file that is broken
or gone lets no value out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

SETTING = "column.exclude.list"
"""By which Debezium is configured with them."""
WHY = "is excluded from all that leaves Postgres (`exclude` in penstock.toml)"


@dataclass(frozen=True)
class Columns:
    """Columns by table, `schema.table`."""

    columns: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def of(self, table: str) -> frozenset[str]:
        """Return those of a table."""
        return self.columns.get(table, frozenset())

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Yield table and name of each, in order."""
        return ((table, name) for table in sorted(self.columns) for name in sorted(self.columns[table]))

    @property
    def lists(self) -> dict[str, list[str]]:
        """The same for JSON."""
        return {table: sorted(names) for table, names in self.columns.items()}

    @classmethod
    def of_lists(cls, lists: Mapping[str, Collection[str]]) -> Self:
        """Return what was written there."""
        return cls({table: frozenset(names) for table, names in lists.items()})


@dataclass(frozen=True)
class Excluded(Columns):
    """The excluded columns."""

    @property
    def settings(self) -> dict[str, str]:
        """What the source connector is configured with; nothing where there is none."""
        # Debezium takes each for an expression, and compares without regard to case.
        patterns = [f"(?-i:{_exactly(table)}\\.{_exactly(name)})" for table, name in self]
        return {SETTING: ",".join(patterns)} if patterns else {}


NONE = Excluded()


def _exactly(name: str) -> str:
    return re.sub(r"(\W)", r"\\\1", name)
