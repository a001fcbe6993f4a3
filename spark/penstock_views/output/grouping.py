"""Aggregates as sums: what each source row adds to its group, the sums of many, and the view's rows made of them.

A group is held as *measures*: its key, the number of its source rows, and that of the changes which made them. Each
total has the sum of its values and how many there are. Measures add up: those of a table and those of its changes make
those of the changed table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from penstock_views.declaration.totals import Aggregate, Operation, mean_type, sum_type
from penstock_views.declaration.views import Image
from penstock_views.output.mean import exact_mean

ROWS = ":rows"
"""The measure that counts the source rows of a group; no column of a view can have that name."""

CHANGES = ":changes"
"""The measure that counts what happened to a group, each row that came or went; it only rises."""


@dataclass(frozen=True)
class Grouping:
    """How the rows that one aggregate's function gives are added up.

    :param addends: the type of those rows.
    :param operations: what each total does with its column of them.
    """

    view: Aggregate
    addends: T.StructType
    operations: Mapping[str, Operation]

    @property
    def view_type(self) -> T.StructType:
        """The type of the view's rows.

        :raises ViewInvalid: for a total that cannot be kept exactly.
        """
        fields = [
            T.StructField(field.name, self._total_type(field)) if field.name in self.operations else field
            for field in self.addends.fields
        ]
        return T.StructType(fields)

    @property
    def measures(self) -> T.StructType:
        """The type of a group's measures."""
        made = (
            T.StructType([self.addends[name] for name in self.view.key])
            .add(ROWS, T.LongType())
            .add(CHANGES, T.LongType())
        )
        for name, operation in self.operations.items():
            if operation is Operation.COUNT:
                made = made.add(_sum(name), T.LongType())
            else:
                made = made.add(_sum(name), sum_type(self.view, name, self.addends[name].dataType))
                made = made.add(_number(name), T.LongType())
        return made

    def measure(self, row: Column, sign: Column, changes: Column) -> list[Column]:
        """Make the measures of one source row.

        :param row: what the aggregate's function gives for it.
        :param sign: 1 where the row comes, -1 where it goes.
        :param changes: how many changes this is.
        """
        values = {name: row[name] for name in self.view.key} | {ROWS: sign, CHANGES: changes}
        for name, operation in self.operations.items():
            wide = row[name].cast(self.measures[_sum(name)].dataType)
            values[_sum(name)] = F.when(sign > 0, wide).otherwise(-wide)
            if operation is not Operation.COUNT:
                values[_number(name)] = F.when(row[name].isNull(), 0).otherwise(sign)
        return [values[field.name].cast(field.dataType).alias(field.name) for field in self.measures.fields]

    def add_up(self, measures: DataFrame, *, apart: Sequence[str] = (), more: Sequence[Column] = ()) -> DataFrame:
        """Add the measures of each group up.

        :param apart: further columns that keep groups apart; they come along.
        :param more: further figures of a group.
        """
        key = [*self.view.key, *apart]
        fields = [field for field in self.measures.fields if field.name not in self.view.key]
        added = [F.sum(F.col(field.name)).alias(field.name) for field in fields]
        sums = measures.groupBy(*key).agg(*added, *more)
        summed = {field.name: F.col(field.name).cast(field.dataType) for field in fields}
        return sums.select(*[summed.get(name, F.col(f"`{name}`")) for name in sums.columns])

    def finish(self, sums: DataFrame, *more: Column) -> DataFrame:
        """Make the view's rows; ROWS and CHANGES come along, and a group whose ROWS are 0 has no row."""
        columns = [self._column(field).alias(field.name) for field in self.view_type.fields]
        return sums.select(*columns, ROWS, CHANGES, *more)

    def _total_type(self, field: T.StructField) -> T.DataType:
        match self.operations[field.name]:
            case Operation.COUNT:
                return T.LongType()
            case Operation.SUM:
                return sum_type(self.view, field.name, field.dataType)
            case Operation.AVG:
                return mean_type(self.view, field.name, field.dataType)

    def _column(self, field: T.StructField) -> Column:
        if field.name not in self.operations:
            return F.col(field.name)
        total = F.col(_sum(field.name))
        match self.operations[field.name], field.dataType:
            case Operation.SUM, _:
                return F.when(F.col(_number(field.name)) > 0, total)
            case Operation.AVG, T.DecimalType() as mean:
                number = F.col(_number(field.name))
                exact = self.measures[_sum(field.name)].dataType
                whole = total if isinstance(exact, T.DecimalType) else total.cast(T.DecimalType(20, 0))
                return F.when(number > 0, exact_mean(whole, number, mean))
        return total


def grouping_of(view: Aggregate, image: T.StructType, addends: T.StructType) -> Grouping:
    """Say how an aggregate of a table is added up.

    :param image: the canonical columns of the table.
    :param addends: the type of the rows that the function gives for them.
    """
    return Grouping(view, addends, view.operations(Image(view.table, F.col("image"), image)))


def _sum(name: str) -> str:
    return f"{name}:sum"


def _number(name: str) -> str:
    return f"{name}:number"
