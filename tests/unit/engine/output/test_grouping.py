"""Totals are exact: sums and means against plain Python, and what cannot be exact is refused with the reason."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from penstock_views.declaration.views import ViewInvalid
from penstock_views.output.contracts import view_type
from penstock_views.output.mean import exact_mean
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from tests.names import load_views

TABLE = (
    T.StructType()
    .add("id", T.IntegerType())
    .add("small", T.IntegerType())
    .add("big", T.LongType())
    .add("price", T.DecimalType(7, 2))
    .add("wide", T.DecimalType(28, 2))
    .add("wider", T.DecimalType(29, 2))
    .add("ratio", T.DoubleType())
    .add("name", T.StringType())
)
HEAD = "from penstock_views import aggregate, avg, count, row, sum, totals\nfrom pyspark.sql import functions as F\n\n"


def type_of(spark: SparkSession, folder: Path, returns: str) -> T.StructType:
    body = f"@aggregate('public.t', key=['name'])\ndef v(u):\n    return {returns}\n"
    (folder / "v.py").write_text(HEAD + body)
    return view_type(spark, load_views(folder)[0], TABLE)


def test_each_total_has_a_type_that_holds_it(spark: SparkSession, tmp_path: Path) -> None:
    made = (
        "totals(a=count(), b=sum(u.small), c=sum(u.big), d=sum(u.price), e=avg(u.small), f=avg(u.price), name=u.name)"
    )
    assert type_of(spark, tmp_path, made).simpleString() == (
        "struct<name:string,a:bigint,b:bigint,c:decimal(29,0),d:decimal(17,2),e:decimal(16,6),f:decimal(13,8)>"
    )


@pytest.mark.parametrize(
    ("returns", "message"),
    [
        ("totals(name=u.name, low=F.min(u.small))", r"v\.py:4: view v: column low .*min and max are refused because"),
        (
            "totals(name=u.name, x=sum(u.ratio))",
            r"x: its value is a double, whose sum drifts.*cast it to a decimal",
        ),
        (
            "totals(name=u.name, x=sum(u.name))",
            r"total x: its value is a text, .* cast it to a decimal of 28 digits or fewer \(21 for avg\(\)\)",
        ),
        ("totals(name=u.name, x=sum(u.wider))", r"total x: its value has 29 digits"),
        ("totals(name=u.name, x=avg(u.wide))", r"total x: a mean of decimal\(28,2\) is not exact; cast it"),
        ("totals(name=count())", r"key column name is a total"),
        ("totals(users=count())", r"lacks the key column\(s\) name"),
        ("row(name=u.name)", r"must return totals\(\.\.\.\), not Row"),
    ],
)
def test_what_cannot_be_exact_is_refused(spark: SparkSession, tmp_path: Path, returns: str, message: str) -> None:
    with pytest.raises(ViewInvalid, match=message):
        type_of(spark, tmp_path, returns)


numbers = st.integers(-(10**31) + 1, 10**31 - 1) | st.integers(-(10**6), 10**6)
counts = st.integers(1, 10**12 - 1) | st.integers(1, 12)


@pytest.mark.parametrize(("precision", "scale"), [(21, 0), (21, 4), (21, 18), (7, 2), (10, 0), (18, 18)])
@given(divisions=st.lists(st.tuples(numbers, counts), min_size=200, max_size=300))
@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_a_mean_is_rounded_half_up_once(
    spark: SparkSession, precision: int, scale: int, divisions: list[tuple[int, int]]
) -> None:
    into = T.DecimalType(precision + 6, scale + 6)
    with localcontext() as exact:
        exact.prec = 100
        rows = []
        for unscaled, count in divisions:
            # As wide as the sum of that many values can be.
            most = min(10**precision - 1, abs(unscaled)) * count
            total = Decimal(unscaled % (2 * most + 1) - most).scaleb(-scale)
            if abs(total.scaleb(scale)) < 10 ** (precision + 10):
                rows.append((total, count, (total / count).quantize(Decimal(1).scaleb(-scale - 6), ROUND_HALF_UP)))
    halves = [(Decimal(sign * odd).scaleb(-scale), 2 * 10**7) for sign in (1, -1) for odd in (1, 3, 5, 15, 25)]
    with localcontext() as exact:
        exact.prec = 100
        rows += [(t, n, (t / n).quantize(Decimal(1).scaleb(-scale - 6), ROUND_HALF_UP)) for t, n in halves]
    schema = T.StructType().add("total", T.DecimalType(precision + 10, scale)).add("number", T.LongType())
    frame = spark.createDataFrame([row[:2] for row in rows], schema)
    found = frame.select(exact_mean(F.col("total"), F.col("number"), into).alias("mean")).collect()
    assert [row["mean"] for row in found] == [row[2] for row in rows]


def nearest_to_a_half(scale: int, count: int, side: int, steps: int) -> Decimal:
    """Find a total whose mean is as near to a half of its last digit as one can be without being one.

    With the mean in units of its last digit, 2 * 10^6 * total = odd * count + side; the count has no factor 2 or 5.
    """
    unit = 2 * 10**6
    total = pow(unit, -1, count) * side % count + steps * count
    return Decimal(total).scaleb(-scale)


@pytest.mark.parametrize("scale", [0, 4, 18])
def test_a_mean_next_to_a_half_is_rounded_to_its_own_side(spark: SparkSession, scale: int) -> None:
    totals = [
        (sign * nearest_to_a_half(scale, count, side, steps), count)
        for count in (10**12 - 1, 10**12 - 3, 999_983, 7)
        for side in (1, -1)
        for sign in (1, -1)
        for steps in (0, 1, 2, 10**12, 10**18)
    ]
    schema = T.StructType().add("total", T.DecimalType(31, scale)).add("number", T.LongType())
    frame = spark.createDataFrame(totals, schema)
    into = T.DecimalType(27, scale + 6)
    found = frame.select(exact_mean(F.col("total"), F.col("number"), into).alias("mean")).collect()
    with localcontext() as exact:
        exact.prec = 100
        last = Decimal(1).scaleb(-scale - 6)
        assert [row["mean"] for row in found] == [(t / n).quantize(last, ROUND_HALF_UP) for t, n in totals]
