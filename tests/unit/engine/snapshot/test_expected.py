"""A row that a view cannot hold is told and stops no other, also where Spark knows more of rows than in the stream."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from penstock_views.declaration.totals import Aggregate
from penstock_views.declaration.views import View
from penstock_views.output.contracts import row_type
from penstock_views.output.grouping import grouping_of
from penstock_views.snapshot.expected import ABSENT, evaluate_rows, evaluate_table, measure_rows
from penstock_views.types.encodings import REFUSED
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T

from tests.names import load_views

IMAGE = T.StructType(
    [
        T.StructField("id", T.LongType(), nullable=False),
        T.StructField("n", T.IntegerType()),
        T.StructField("price", T.DecimalType(10, 2)),
        REFUSED,
    ]
)
GOOD = (1, 5, Decimal("1.50"), None)
BAD = (2, 0, None, {"price": "NaN"})

HEAD = "from penstock_views import aggregate, count, history, row, sum, totals, view, whole\n\n"
TWICE = {
    "a column with a guard": "row(id=o.id, price=o.price, double=(o.price * 2).cast('decimal(12,2)'))",
    "a division": "row(id=o.id, ratio=100 / o.n, percent=100 / o.n * 100)",
    "a condition": "row(id=o.id).where(100 / o.n > 3)",
    "a condition and a column": "row(id=o.id, price=o.price).where(o.price > 1)",
}
TOTALS = {
    "a column with a guard": "totals(price=o.price, n=count(), total=sum(o.price))",
    "a division": "totals(ratio=(100 / o.n).cast('int'), n=count(), total=sum((100 / o.n).cast('int')))",
    "a condition": "totals(id=o.id, n=count()).where(100 / o.n > 3)",
}


def load(root: Path, decorator: str, body: str) -> View:
    (root / "v.py").write_text(f"{HEAD}{decorator}\ndef v(o):\n    return {body}\n")
    return load_views(root)[0]


def images(spark: SparkSession, *rows: tuple[Any, ...]) -> DataFrame:
    return spark.createDataFrame(list(rows), IMAGE)


def absent(spark: SparkSession, view: View) -> list[str | None]:
    """Say of each row that `verify` expects why it is absent; None of one that is there."""
    found = evaluate_table(view, images(spark, GOOD, BAD), ["id"]).collect()
    return [row[ABSENT] and f"{row[ABSENT]['problem'].split(';')[0]}: {row[ABSENT]['example']}" for row in found]


@pytest.mark.parametrize("kind", ["view", "history"])
@pytest.mark.parametrize("body", TWICE.values(), ids=TWICE.keys())
def test_what_a_row_view_or_history_computes_twice_fails_for_its_row_alone(
    spark: SparkSession, tmp_path: Path, kind: str, body: str
) -> None:
    view = load(tmp_path, f"@{kind}('public.offers', key=['id'])", body)
    there, gone = absent(spark, view)
    assert there is None
    assert gone is not None
    assert gone.startswith("view v cannot compute: ")
    assert gone.endswith(": id=2")
    assert [row["problem"] is None for row in evaluate_rows(view, images(spark, GOOD, BAD)).rejected.collect()] == [
        False
    ]


@pytest.mark.parametrize("body", TOTALS.values(), ids=TOTALS.keys())
def test_what_an_aggregate_computes_twice_fails_for_its_row_alone(
    spark: SparkSession, tmp_path: Path, body: str
) -> None:
    key = body.split("(", 1)[1].split("=", 1)[0]
    view = load(tmp_path, f"@aggregate('public.offers', key=['{key}'])", body)
    assert isinstance(view, Aggregate)
    assert sorted(reason is None for reason in absent(spark, view)) == [False, True]
    grouping = grouping_of(view, IMAGE, row_type(spark, view, IMAGE))
    baseline = measure_rows(grouping, evaluate_rows(view, images(spark, GOOD, BAD)).rows)
    assert [row[":rows"] for row in baseline.collect()] == [1]


OURS = [
    "problem",
    "example",
    "row",
    "rows",
    "image",
    "outcome",
    "sign",
    "changes",
    "absent",
    "newest",
    "topic",
    "value",
]
"""Names that the engine uses for what is not of a view."""


def test_an_aggregate_may_have_a_key_of_any_name(spark: SparkSession, tmp_path: Path) -> None:
    named = ", ".join(f"{name}=o.n + {number}" for number, name in enumerate(OURS))
    view = load(tmp_path, f"@aggregate('public.offers', key={OURS})", f"totals({named}, n=count(), total=sum(o.price))")
    rows = evaluate_table(view, images(spark, GOOD, BAD), ["id"]).collect()
    there, gone = sorted(rows, key=lambda row: row[ABSENT] is not None)
    assert [there[name] for name in OURS] == [5 + number for number in range(len(OURS))]
    assert gone[ABSENT]["problem"].startswith("view v cannot compute: total")


@pytest.mark.parametrize("kind", ["view", "history"])
def test_a_row_view_or_history_may_have_columns_of_any_name(spark: SparkSession, tmp_path: Path, kind: str) -> None:
    named = ", ".join(f"{name}=o.n + {number}" for number, name in enumerate(OURS))
    view = load(tmp_path, f"@{kind}('public.offers', key=['id', 'problem'])", f"row(id=o.id, {named})")
    (there,) = evaluate_table(view, images(spark, GOOD), ["id"]).collect()
    assert [there[name] for name in OURS] == [5 + number for number in range(len(OURS))]
