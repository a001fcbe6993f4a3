"""The exact mean of decimals. Spark's own division rounds twice, and to fewer digits the wider its operands are."""

from __future__ import annotations

from decimal import Decimal

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T

_COUNT = T.DecimalType(12, 0)
_SIGN = T.DecimalType(1, 0)


def exact_mean(total: Column, count: Column, into: T.DecimalType) -> Column:
    """Divide a sum by a count, rounded half up (a half goes away from zero) to the scale of the type.

    :param total: a decimal of 10 digits more than the values that it sums; they have at most 21.
    :param count: how many values; 1 to 10^12.
    :param into: the type of the mean: 6 digits more, and 6 more behind the point, than the values'.
    """
    unit = F.lit(Decimal(1).scaleb(-into.scale))
    size = F.abs(total.cast(T.DecimalType(into.precision + 10, into.scale)))
    number = count.cast(_COUNT)
    # size = floor * number + rest, with floor a multiple of the unit: each step is exact in Spark's decimals.
    step = number * unit
    rest = size % step
    floor = ((size - rest) / number).cast(into)
    rounded = floor + F.when(rest + rest >= step, unit).otherwise(unit - unit)
    # Not a choice between two signs of it: a micro-batch is planned each time, with all of this in it twice.
    return (rounded * F.when(total < 0, F.lit(-1)).otherwise(F.lit(1)).cast(_SIGN)).cast(into)
