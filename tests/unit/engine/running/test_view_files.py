"""A job runs the view files, and those that it loaded last while a file is broken."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from penstock_views.declaration.load import ViewFileBroken
from penstock_views.declaration.views import History
from penstock_views.running.view_files import load, load_or_last

from penstock.installation import Names

ONE = """
from penstock_views import row, view

@view("public.t", key=["a", "id"])
def one(t):
    return row(a=t.a, id=t.id)
"""
KEPT = """
from penstock_views import history, whole

@history("public.t", key=["id"], revision=3)
def one(t):
    return whole(t)
"""
HELPED = """
from penstock_views import row, view
{imports}

@view("public.t", key=["id"], revision={number})
def helped(t):
    return row(id=t.id)
"""
TABLE = "CREATE TABLE IF NOT EXISTS one (a int, id int, row_version bigint, PRIMARY KEY ((a, id)));"


@pytest.fixture
def config(tmp_path: Path) -> Any:
    """Make a clone with one view, and the place of a job's progress."""
    for folder in ("spark/views", "schemas/cassandra", "schemas/avro", "data"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "spark/views/one.py").write_text(ONE)
    (tmp_path / "schemas/cassandra/one.cql").write_text(TABLE)
    return SimpleNamespace(
        views_dir=tmp_path / "spark/views",
        avro_dir=tmp_path / "schemas/avro",
        kept_views=tmp_path / "data/last-views",
        names=Names(),
    )


def test_a_file_that_breaks_leaves_the_views_as_they_were_loaded_last(config: Any) -> None:
    before = load_or_last(config)
    assert before.views[0].partition == ("a", "id")
    (config.views_dir / "one.py").write_text(ONE.replace("t.id)", "t.id"))
    (config.views_dir / "two.py").write_text("import what_is_not_there")
    with pytest.raises(ViewFileBroken, match=r"one\.py:"):
        load(config)
    last = load_or_last(config)
    assert [view.name for view in last.views] == ["one"]
    assert last.views[0].partition == ("a", "id")
    assert last.digests == before.digests


@pytest.mark.parametrize(
    ("imports", "number"),
    [
        ("from spark.views.helpers import NUMBER", "NUMBER"),
        ("from spark.views import helpers", "helpers.NUMBER"),
        ("import spark.views.helpers", "spark.views.helpers.NUMBER"),
        ("import spark.views.helpers as h", "h.NUMBER"),
        ("from spark.views.more import helpers", "helpers.NUMBER"),
        ("from spark.views.more.through import NUMBER", "NUMBER"),
        ("from beside import NUMBER", "NUMBER"),
    ],
)
def test_a_helper_module_is_read_with_each_load(config: Any, imports: str, number: str) -> None:
    places = ("spark/views/helpers.py", "spark/views/more/helpers.py", "beside.py")
    helpers = [config.views_dir.parents[1] / place for place in places]
    (config.views_dir / "more").mkdir()
    (config.views_dir / "more/through.py").write_text("from spark.views.helpers import NUMBER")
    (config.views_dir / "one.py").write_text(HELPED.format(imports=imports, number=number))
    for wanted in (3, 44, 555):
        for helper in helpers:
            helper.write_text(f"NUMBER = {wanted}")
        assert [view.revision for view in load(config).views] == [wanted]


def test_the_copy_uses_its_own_helper_modules(config: Any) -> None:
    (config.views_dir / "one.py").write_text(HELPED.format(imports="from spark.views.helpers import N", number="N"))
    (config.views_dir / "helpers.py").write_text("N = 3")
    load(config)
    (config.views_dir / "helpers.py").write_text("N = 44 +")
    assert [view.revision for view in load_or_last(config).views] == [3]
    (config.views_dir / "helpers.py").write_text("N = 555")
    assert [view.revision for view in load_or_last(config).views] == [555]


def test_nothing_of_a_load_is_left_on_the_path(config: Any) -> None:
    before = list(sys.path)
    load(config)
    (config.views_dir / "one.py").write_text("(")
    load_or_last(config)
    assert sys.path == before


def test_without_a_copy_a_broken_file_is_an_error(config: Any) -> None:
    (config.views_dir / "one.py").write_text("(")
    with pytest.raises(ViewFileBroken, match=r"one\.py:1"):
        load_or_last(config)


def test_the_copy_holds_no_file_that_is_gone(config: Any) -> None:
    (config.views_dir / "two.py").write_text(ONE.replace("one", "two"))
    assert [view.name for view in load(config).views] == ["one", "two"]
    (config.views_dir / "two.py").unlink()
    load(config)
    (config.views_dir / "one.py").write_text("(")
    assert [view.name for view in load_or_last(config).views] == ["one"]


def test_the_copy_holds_which_revision_a_history_began_with(config: Any) -> None:
    (config.views_dir / "one.py").write_text(KEPT)
    (config.avro_dir / "views.one-value.avsc").write_text('{"penstock.revision": 3, "penstock.since": 2}')
    load(config)
    (config.views_dir / "one.py").write_text("(")
    (view,) = load_or_last(config).views
    assert isinstance(view, History)
    assert (view.revision, view.since) == (3, 2)
