"""What a view's columns hold is read from its function's text, and what the text does not say is unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.clone import ROOT
from penstock.project.declared import as_json, describe, from_json
from penstock.project.folders import Project
from penstock.project.held import Held, read_held
from tests.names import load_views


@pytest.mark.parametrize(
    ("body", "columns"),
    [
        ("return row(id=u.id, city=u['the city'])", {"id": "id", "city": "the city"}),
        ("return row(member=u.friend, friend=u.member)", {"member": "friend", "friend": "member"}),
        ("return row(id=u.parent_id, child=u.id).where(u.id > 1).where(u.a)", {"id": "parent_id", "child": "id"}),
        ("return row(id=u.id, name=F.upper(u.name), n=lit(1))", {"id": "id", "name": None, "n": None}),
        ("return row(a=u.a_x0020_b, at=truncate_to_millis(u.at), m=F.unix_micros(u.at))", {"a": "a b", "at": "at"}),
        ("return row(id=u.id.cast('string'), n=u.n.cast('int'), k=u.x.alias('y'))", {"id": "id", "n": None, "k": "x"}),
        ("x = u.other\n    made = row(id=x)\n    return made", {"id": "other"}),
        ("x = u.other\n    x = u.id\n    return row(id=x)", {"id": None}),
        ("u = change(u)\n    return row(id=u.id)", {"id": None}),
        ("if u:\n        return row(id=u.id)\n    return row(id=u.no)", {"id": None}),
        ("return helper(u)", {"id": None}),
        ("return whole(u)", {"id": "id", "a_x0020_b": "a b"}),
        ("return row(id=u.no, **{name: u[name] for name in NAMES})", {"id": "no", "city": "city"}),
        ("rest = {name: u[name] for name in NAMES}\n    return row(id=u.no, **rest)", {"id": "no", "city": "city"}),
        ("return row(id=u.no, **{name: u[other] for name in NAMES})", {"id": "no", "city": None}),
        (
            "return row(id=u.id, **{'class': u['class'], 'is': u.n + 1})",
            {"id": "id", "class": "class", "is": None, "city": None},
        ),
        ("return row(id=u.no, **helper(u))", {"id": "no", "city": None}),
        ("return totals(country=u.land, n=count(), id=count(u.id))", {"country": "land", "n": None, "id": None}),
    ],
)
def test_what_the_text_says(tmp_path: Path, body: str, columns: dict[str, str | None]) -> None:
    file = tmp_path / "v.py"
    file.write_text(
        f"def other(u):\n    return row(id=u.wrong)\n\n@view('public.t', key=['id'])\ndef v(u):\n    {body}\n"
    )
    held = read_held(file, 4)
    assert {name: held.by(name) for name in columns} == columns


def test_what_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "v.py").write_text("(")
    assert read_held(tmp_path / "v.py", 1) == read_held(tmp_path / "none.py", 1) == Held()


def test_it_is_kept_with_the_view() -> None:
    views = {view.name: describe(Project(ROOT), view) for view in load_views(Project(ROOT).views)}
    assert from_json(as_json(views.values())) == tuple(views.values())
    assert len(set(views.values())) == len(views)
    by_id, history = views["users_by_id"].held, views["user_history"].held
    assert (by_id.by("id"), by_id.by("city"), history.by("id")) == ("id", "city", "id")
    assert views["user_stats_by_country"].held.by("users") is None
