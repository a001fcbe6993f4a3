"""What a function of a user's gives or raises is reported with its line, whatever it is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from penstock_views.declaration.views import Image, View, ViewInvalid, row
from penstock_views.output.evaluate import call_view
from pyspark.sql import functions as F
from pyspark.sql import types as T

FIELDS = T.StructType([T.StructField("id", T.LongType()), T.StructField("name", T.StringType())])


def why_refused(function: Any) -> str:
    view = View("v", "public.t", ("id",), 1, function, Path(__file__), 3)
    with pytest.raises(ViewInvalid) as refused:
        call_view(view, Image("public.t", F.col("image"), FIELDS))
    return str(refused.value)


@pytest.mark.usefixtures("spark")
@pytest.mark.parametrize("value", ["text", 3, None, True])
def test_a_value_that_is_no_column_is_named(value: Any) -> None:
    said = why_refused(lambda r: row(id=r.id, n=value))
    assert f"view v: n is no column but {value!r}; a constant is lit(…)" in said


@pytest.mark.usefixtures("spark")
def test_a_column_that_was_put_into_a_text_is_named() -> None:
    def function(r: Image) -> Any:
        text: Any = f"{r.name}!"
        return row(id=r.id, n=text)

    assert "n is no column but \"Column<'image['name']'>!\"; " in why_refused(function)


@pytest.mark.usefixtures("spark")
@pytest.mark.parametrize("condition", [True, "id > 3"])
def test_a_condition_that_is_no_column_is_named(condition: Any) -> None:
    assert f"where() is no column but {condition!r}" in why_refused(lambda r: row(id=r.id).where(condition))


@pytest.mark.usefixtures("spark")
def test_a_function_that_ends_the_process_ends_no_command() -> None:
    assert "SystemExit: no row" in why_refused(lambda _: sys.exit("no row"))
