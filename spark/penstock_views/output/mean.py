"""The exact mean of decimals, by one division of Spark's."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import types as T

from penstock_views.declaration.totals import MEAN_SCALE

_MOST_DIGITS = 38
_COUNT = T.DecimalType(12, 0)


def exact_mean(total: Column, count: Column, into: T.DecimalType) -> Column:
    """Divide a sum by a count, rounded half up (a half goes away from zero) to the scale of the type.

    Spark divides to 38 digits behind the point or more, and rounds that to the scale of the result's type (`Decimal./`,
    `CheckOverflow`). It rounds twice, but the first time cannot move a quotient onto a half or over it. One that is no
    half is at least 1 / (2 * count * 10^scale) from the nearest. For a count of 12 digits and a scale of 24 that is
    more than 10^-37.

    :param total: a decimal of 10 digits more than the values that it sums; they have at most 21, 18 behind the point.
    :param count: how many values; 1 to 10^12.
    :param into: the type of the mean: 6 digits more, and 6 more behind the point, than the values'.
    """
    scale = into.scale - MEAN_SCALE
    # So wide that what room is left of 38 digits is the scale of the mean (`DecimalType.adjustPrecisionScale`).
    wide = T.DecimalType(_MOST_DIGITS - MEAN_SCALE, scale)
    return (total.cast(wide) / count.cast(_COUNT)).cast(into)
