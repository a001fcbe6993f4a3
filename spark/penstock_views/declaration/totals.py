"""Declaration of an aggregate: `@aggregate` on a pure function from one row image to `totals(...)`.

An aggregate is kept by +after -before, so it knows only totals that can be taken back exactly. These are counts, and
sums and means of integers and decimals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import ClassVar

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T

from penstock.contract import AGGREGATE
from penstock_views.declaration.views import Image, Row, View, ViewInvalid, declare

MEAN_SCALE = 6
"""How many digits a mean has behind those of its values."""

_SUM_DIGITS = 28
_MEAN_DIGITS = 21
_MEAN_SCALE_AT_MOST = 18


class Operation(Enum):
    """What a total does with the values of a group's rows."""

    COUNT = auto()
    SUM = auto()
    AVG = auto()


@dataclass(frozen=True)
class Total:
    """One total of a group, over one value of each row."""

    operation: Operation
    of: Column


def count(condition: Column | None = None) -> Total:
    """Count the rows of the group, or those where the condition is true."""
    value = F.lit(1) if condition is None else F.when(condition, 1).otherwise(0)
    return Total(Operation.COUNT, value.cast("bigint"))


def sum(of: Column) -> Total:
    """Add up integers or decimals; NULLs are left out, and the sum of none is NULL, as in SQL."""
    return Total(Operation.SUM, of)


def avg(of: Column) -> Total:
    """Take the mean of integers or decimals: sum / count of what is not NULL, half up; the mean of none is NULL.

    It has six digits more behind the point than its values have.
    """
    return Total(Operation.AVG, of)


@dataclass(frozen=True)
class Totals:
    """One row of an aggregate: the key columns of the group, its totals, and which source rows belong to it at all."""

    columns: dict[str, Column | Total]
    condition: Column | None = None

    def where(self, condition: Column) -> Totals:
        """Count a source row only where the condition is true (false and NULL both leave it out)."""
        both = condition if self.condition is None else self.condition & condition
        return replace(self, condition=both)


def totals(**columns: Column | Total) -> Totals:
    """Describe the aggregate's row: each keyword is a key column or a total."""
    return Totals(columns)


@dataclass(frozen=True)
class Aggregate(View):
    """A view that holds a row of totals for each group of source rows.

    Its function, as the engine sees it, gives the row that one source row adds. That is the key of its group, and the
    value that each total takes of it.
    """

    kind: ClassVar[str] = AGGREGATE
    totals_of: Callable[[Image], Totals]

    def operations(self, image: Image) -> dict[str, Operation]:
        """Say what each total does; without those of the key."""
        columns = self.totals_of(image).columns
        return {name: column.operation for name, column in columns.items() if isinstance(column, Total)}


def aggregate(
    table: str, *, key: Sequence[str], revision: int = 1, source: str = ""
) -> Callable[[Callable[[Image], Totals]], Aggregate]:
    """Declare an aggregate.

    :param table: `schema.table` in Postgres.
    :param key: the columns that name a group, in order; the function gives them beside the totals.
    :param revision: raise it (never lower it) whenever the function or the key changes.
    :param source: the source database that has the table, by its name in penstock.toml; without it `[postgres]`.
    :raises ViewInvalid: at once, when no table of that shape can exist.
    """

    def make(function: Callable[[Image], Totals]) -> Aggregate:
        named = declare(View, function, table, key, revision)  # type: ignore[arg-type]
        return Aggregate(
            **{**vars(named), "function": lambda image: _addends(named, function(image)), "source": source},
            totals_of=function,
        )

    return make


def _addends(view: View, made: Totals) -> Row:
    """Turn a function's answer into the row that one source row adds to its group."""
    if not isinstance(made, Totals):
        raise ViewInvalid(view.origin, f"the function must return totals(...), not {type(made).__name__}")
    for name, column in made.columns.items():
        if name in view.key and isinstance(column, Total):
            raise ViewInvalid(view.origin, f"key column {name} is a total; a group is named by plain columns")
        if name not in view.key and not isinstance(column, Total):
            raise ViewInvalid(view.origin, _no_total(name))
    columns = {name: column.of if isinstance(column, Total) else column for name, column in made.columns.items()}
    return Row(columns, made.condition)


def _no_total(name: str) -> str:
    return (
        f"column {name} is neither in the key nor count(), sum() or avg(). min and max are refused because they cannot "
        "be kept exactly: when the row with the smallest value goes, nobody knows the next one"
    )


def sum_type(view: View, name: str, value: T.DataType) -> T.DataType:
    """Say the type of the sum of values of a type: wide enough for 10 billion rows.

    :raises ViewInvalid: for values whose sum is not exact.
    """
    match value:
        case T.IntegerType():
            return T.LongType()
        case T.LongType():
            return T.DecimalType(29, 0)
        case T.DecimalType() if value.precision <= _SUM_DIGITS:
            return T.DecimalType(value.precision + 10, value.scale)
        case T.DecimalType():
            reason = f"has {value.precision} digits and its sum no room; cast it to a decimal of {_SUM_DIGITS} or fewer"
        case T.DoubleType() | T.FloatType():
            reason = (
                f"is a {value.simpleString()}, whose sum drifts: taking a value back does not give what was there "
                "before; cast it to a decimal"
            )
        case T.StringType():
            reason = (
                "is a text, as a numeric without limits and an interval are; only integers and decimals have a sum: "
                f"cast it to a decimal of {_SUM_DIGITS} digits or fewer ({_MEAN_DIGITS} for avg())"
            )
        case _:
            reason = f"is a {value.simpleString()}; only integers and decimals have a sum"
    raise ViewInvalid(view.origin, f"total {name}: its value {reason}")


def mean_type(view: View, name: str, value: T.DataType) -> T.DataType:
    """Say the type of the mean of values of a type.

    :raises ViewInvalid: for values whose mean cannot be computed exactly to its last digit.
    """
    sum_type(view, name, value)
    match value:
        case T.IntegerType():
            value = T.DecimalType(10, 0)
        case T.LongType():
            value = T.DecimalType(19, 0)
    if not isinstance(value, T.DecimalType) or value.precision > _MEAN_DIGITS or value.scale > _MEAN_SCALE_AT_MOST:
        reason = (
            f"cast it to a decimal of at most {_MEAN_DIGITS} digits, {_MEAN_SCALE_AT_MOST} of them behind the point"
        )
        raise ViewInvalid(view.origin, f"total {name}: a mean of {value.simpleString()} is not exact; {reason}")
    return T.DecimalType(value.precision + MEAN_SCALE, value.scale + MEAN_SCALE)
