"""Filter of a search: by key, by kind of change, by a field's value. It sees what the mask leaves."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from penstock.console.plain import shown
from penstock.console.records.records import RecordView
from penstock.console.safety.mask import Mask
from penstock.errors import TerminalError

_HEAD = r"\s*([\w.]+)\s*(!=|>=|<=|=|~|>|<)\s*"
# `and` parts two conditions only where another begins after it, so it may stand in a value.
_END = rf"(?:\s+and\s+(?={_HEAD.replace('(', '(?:', 2)})|\s*\Z)"
_CONDITION = re.compile(rf'{_HEAD}(?:"((?:[^"]|"")*)"|(.*?)){_END}', re.DOTALL | re.IGNORECASE)
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


class ConditionInvalid(TerminalError):
    """A condition on a field cannot be understood, or must not be asked."""

    def __init__(self, text: str, problem: str) -> None:
        super().__init__(f"condition {text!r}: {problem}")


@dataclass(frozen=True)
class Condition:
    """`field operator value`, such as `country = Norway`, `after.city ~ os`, `street_number > 100`."""

    field: str
    operator: str
    value: str

    def holds(self, record: RecordView) -> bool:
        """Return whether it holds; of a change, in its row after, or before where there is none after."""
        return any(self._compare(found) for found in _values(record, self.field))

    def _compare(self, found: Any) -> bool:
        text = shown(found)
        match self.operator:
            case "=":
                return text == self.value
            case "!=":
                return text != self.value
            case "~":
                return self.value.lower() in text.lower()
        order = _ORDER[self.operator]
        try:
            return order(float(text), float(self.value))
        except ValueError:
            return order(text, self.value)


@dataclass(frozen=True)
class Filter:
    """What a search keeps; what is empty is not asked. `key` is text that the key holds, `op` letters such as `ud`.

    Only a change has a kind: where `op` is asked, no other record is kept.
    """

    key: str = ""
    op: str = ""
    conditions: tuple[Condition, ...] = ()

    @property
    def asks(self) -> bool:
        """Return whether it leaves anything out."""
        return bool(self.key or self.op or self.conditions)

    def keeps(self, record: RecordView) -> bool:
        """Return whether a record is wanted."""
        if self.op and (record.op is None or record.op not in self.op):
            return False
        if self.key and self.key not in shown(record.key):
            return False
        return all(condition.holds(record) for condition in self.conditions)


def read_conditions(text: str, mask: Mask) -> tuple[Condition, ...]:
    """Read conditions as a person writes them, with `and` between; a value may stand in double quotes.

    :raises ConditionInvalid: when one is none, or asks for a masked column.
    """
    conditions, at = [], 0
    while at < len(text):
        match = _CONDITION.match(text, at)
        if match is None:
            problem = "write `field = value`, with `and` between several; the operators are = != ~ (contains) > >= < <="
            raise ConditionInvalid(text[at:], problem)
        if mask.hides(match[1].rpartition(".")[2]):
            raise ConditionInvalid(text, "this column is masked")
        quoted, plain = match[3], match[4]
        conditions.append(Condition(match[1], match[2], plain if quoted is None else quoted.replace('""', '"')))
        at = match.end()
    return tuple(conditions)


def _values(record: RecordView, path: str) -> list[Any]:
    first, _, rest = path.partition(".")
    roots = {"before": record.before, "after": record.after, "key": record.key, "source": record.source}
    roots["headers"] = record.headers
    if first in roots and rest:
        return _dig(roots[first], rest)
    row = record.after if record.after is not None else record.before
    return _dig(row if row is not None else record.value, path) or _dig(record.key, path)


def _dig(value: Any, path: str) -> list[Any]:
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            return []
        value = value[name]
    return [value]
