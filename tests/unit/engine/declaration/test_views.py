"""What is wrong with a view is said with its file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from penstock_views.declaration.load import ViewFileBroken
from penstock_views.declaration.views import Image, ViewInvalid, is_as_read
from penstock_views.output.contracts import view_type
from penstock_views.types.canonical import LOGICAL, field_from_postgres, field_from_writer
from penstock_views.types.encodings import REFUSED
from penstock_views.types.tables import TableUnknown, read_table
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from tests.names import load_views
from tests.unit.engine import cdc

HEAD = "from penstock_views import row, view\n\n"
TABLE = T.StructType([T.StructField("id", T.StringType(), True, {LOGICAL: "uuid"}), T.StructField("n", T.ByteType())])


def write(folder: Path, body: str) -> Path:
    (folder / "things.py").write_text(HEAD + body)
    return folder


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("def f(:\n", r"things\.py:3: "),
        ("x = 1 / 0\n", r"things\.py:3: ZeroDivisionError"),
        ("x = 1\n", r"no view in any"),
        ("@view('users', key=['id'])\ndef v(u): ...\n", r"things\.py:3: view v: table `users` must be written schema"),
        ("@view('public.u', key=[])\ndef v(u): ...\n", r"key must list one column or more"),
        ("@view('public.u', key='id')\ndef v(u): ...\n", r"key must list one column or more"),
        ("@view('public.u', key=['id', 'id'])\ndef v(u): ...\n", r"names a column twice"),
        ("@view('public.u', key=['id'], revision=0)\ndef v(u): ...\n", r"revision must be 1 to 2047, not 0"),
        ("@view('public.u', key=['id'])\ndef V(u): ...\n", r"lower-case"),
        (f"@view('public.u', key=['id'])\ndef {'v' * 49}(u): ...\n", r"at most 48 characters"),
        ("@view('public.a,b', key=['id'])\ndef v(u): ...\n", r"cannot be captured: rename it"),
        (f"@view('{'ä' * 31}.{'ä' * 31}', key=['id'])\ndef v(u): ...\n", r"the topic .* would have 439 characters"),
    ],
)
def test_a_broken_view_file_is_refused(tmp_path: Path, body: str, message: str) -> None:
    with pytest.raises((ViewFileBroken, ViewInvalid), match=message):
        load_views(write(tmp_path, body))


@pytest.mark.usefixtures("spark")
def test_a_column_that_was_only_read_differs_from_one_that_may_fail() -> None:
    image = Image("public.u", F.col("image"), T.StructType([*TABLE.fields, T.StructField("d", T.DateType()), REFUSED]))
    column = image.n
    assert is_as_read(image, column)
    assert not is_as_read(image, column + 1)
    assert not is_as_read(image, image.d)  # there are dates that it cannot hold


def test_two_views_of_one_name_are_refused(tmp_path: Path) -> None:
    body = "@view('public.u', key=['id'])\ndef v(u): ...\n"
    (tmp_path / "more.py").write_text(HEAD + body)
    with pytest.raises(ViewInvalid, match=r"the name is taken by .*more\.py:3"):
        load_views(write(tmp_path, body))


def test_a_view_that_a_later_function_of_its_file_hides_is_named(tmp_path: Path) -> None:
    body = "@view('public.u', key=['id'])\ndef v(u): ...\n"
    with pytest.raises(ViewInvalid, match=r"py:4: view v: the function at line 6 takes its name"):
        load_views(write(tmp_path, body + body))


@pytest.mark.parametrize(
    ("returns", "message"),
    [
        ("row(id=u.id, x=u.nope)", r"things\.py:5: view v: .*no column `nope` that a view can use; it has: id, n"),
        ("row(n=u.id)", r"lacks the key column\(s\) id"),
        ("None", r"must return row\(\.\.\.\), not NoneType"),
        (
            "row(id=u.id, n=u.n)",
            r"column n has type tinyint; cast it to one of: arrays of these, bigint, binary, boolean",
        ),
        ("row(id=u.id, x=u.id.getField('y'))", r"things\.py:3: view v: "),
        ("row(id=u.id, größe=u.id)", r"things\.py:3: view v: column `größe` has .*: call it gr_x00F6__x00DF_e,"),
        ("row(id=u.id, row_version=u.id)", r"column row_version is the view table's own, .* row_version_=r"),
    ],
)
def test_a_view_that_does_not_fit_its_table_is_refused(
    spark: SparkSession, tmp_path: Path, returns: str, message: str
) -> None:
    (view,) = load_views(write(tmp_path, f"@view('public.t', key=['id'])\ndef v(u):\n    return {returns}\n"))
    with pytest.raises(ViewInvalid, match=message):
        view_type(spark, view, TABLE)


ODD = T.StructType(
    [T.StructField(name, T.StringType()) for name in ("order id", "a.b", "email", "Email", "a`b", "_table")] + [REFUSED]
)


def test_a_column_has_postgres_name_in_brackets_and_one_of_pythons_as_an_attribute(
    spark: SparkSession, tmp_path: Path
) -> None:
    returns = 'row(order_x0020_id=u.order_x0020_id, b=u["a.b"], c=u.a_x002E_b, e=u.Email, f=u["a`b"], t=u["_table"])'
    body = f"@view('public.t', key=['order id'])\ndef v(u):\n    return {returns}\n"
    (view,) = load_views(write(tmp_path, body))
    assert view.key == ("order_x0020_id",)
    assert view_type(spark, view, ODD).names == ["order_x0020_id", "b", "c", "e", "f", "t"]


@pytest.mark.usefixtures("spark")
def test_a_name_in_brackets_is_postgres_before_it_is_anything_else() -> None:
    fields = T.StructType([T.StructField(name, T.StringType()) for name in ("a b", "a_x0020_b")])
    image = Image("public.t", F.col("image"), fields)
    assert "['a_x0020_b']" in str(image["a_x0020_b"])
    assert "['a b']" in str(image["a b"])
    assert "['a_x0020_b']" in str(image.a_x005F_x0020_b)
    with pytest.raises(AttributeError, match="write"):
        _ = image.a_x0020_b


@pytest.mark.usefixtures("spark")
def test_a_whole_row_has_names_that_a_view_can_have(spark: SparkSession, tmp_path: Path) -> None:
    body = "from penstock_views import whole\n@view('public.t', key=['order id'])\ndef v(u):\n    return whole(u)\n"
    (view,) = load_views(write(tmp_path, body))
    expected = ["order_x0020_id", "a_x002E_b", "email", "Email", "a_x0060_b", "_table"]
    assert view_type(spark, view, ODD).names == expected


POSTGRES_OF_PEOPLE = {
    "id": "uuid",
    "name": "text",
    "age": "integer",
    "score": "numeric(7,4)",
    "born": "date",
    "seen": "timestamp with time zone",
    "note": "jsonb",
}


@pytest.mark.parametrize("name", cdc.PEOPLE)
def test_a_column_has_one_canonical_type_whoever_names_it(name: str) -> None:
    assert field_from_writer({"name": name, "type": ["null", cdc.PEOPLE[name]]}) == field_from_postgres(
        name, POSTGRES_OF_PEOPLE[name]
    )


def test_ddl_is_read_through_comments_constraints_and_commas(tmp_path: Path) -> None:
    (tmp_path / "1.sql").write_text(
        """CREATE TABLE IF NOT EXISTS public.t (
            a bigint GENERATED ALWAYS AS IDENTITY, -- one, two
            b varchar(10) NOT NULL DEFAULT 'x, y',
            c numeric(7, 4) CHECK (c > 0),
            d text[],
            CONSTRAINT k PRIMARY KEY (a, b) INCLUDE (c)
        );"""
    )
    table = read_table(tmp_path, "public.t")
    assert table.columns.simpleString() == "struct<a:bigint,b:string,c:decimal(7,4),d:array<string>>"
    assert table.primary_key == ("a", "b")
    with pytest.raises(TableUnknown, match=r"no CREATE TABLE public\.other"):
        read_table(tmp_path, "public.other")


def test_ddl_keeps_names_in_quotes_as_they_are_and_lowers_the_others(tmp_path: Path) -> None:
    (tmp_path / "1.sql").write_text(
        '''CREATE TABLE Public."Order Items" (
            "Line, No" int, -- "not this"
            Size int,
            "postal ""code""" text,
            PRIMARY KEY ("Line, No", SIZE)
        );'''
    )
    table = read_table(tmp_path, "public.Order Items")
    assert table.columns.names == ["Line, No", "size", 'postal "code"']
    assert table.primary_key == ("Line, No", "size")
