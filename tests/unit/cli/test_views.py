"""`penstock views ddl` before `views write`: what has no table file yet is named, the others are printed."""

from __future__ import annotations

from pathlib import Path

from penstock.clone import ROOT
from tests.project import copy_project
from tests.stack import run_here

BY_CITY = """from penstock_views import Image, Row, view, whole


@view("public.users", key=["city", "id"])
def users_by_city(u: Image) -> Row:
    return whole(u)
"""


def test_a_view_without_a_table_file_is_named_and_hides_no_other(tmp_path: Path) -> None:
    (copy_project(tmp_path / "mine") / "spark" / "views" / "by_city.py").write_text(BY_CITY)
    here = {"PENSTOCK_PROJECT": str(tmp_path / "mine"), "PENSTOCK_STATE": str(tmp_path / "var")}
    one, every = (run_here(["views", "ddl", *name], here) for name in (["users_by_city"], []))
    for done in (one, every):
        assert (done.returncode, "Traceback" in done.stderr) == (1, False)
        assert "users_by_city has no table file yet: `penstock views write` makes it" in done.stderr
    assert (ROOT / "schemas" / "cassandra" / "users_by_id.cql").read_text() in every.stdout
