"""The columns that never leave Postgres: how they are written, and how Debezium is configured with them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.config import Config
from penstock.excluded import NONE, SETTING, Excluded

NAMES = st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=20)


def made(**tables: list[str]) -> Config:
    return Config.model_validate({"tables": {name.replace("__", "."): {"exclude": of} for name, of in tables.items()}})


def test_nothing_is_said_where_nothing_is_excluded() -> None:
    assert made(public__users=[]).excluded == NONE == Excluded()
    assert NONE.settings == {}
    assert NONE.of("public.users") == frozenset()


def test_the_source_is_configured_with_table_and_column() -> None:
    config = made(public__users=["phone", "national_id"], sales__orders=["note"])
    assert [*config.excluded] == [
        ("public.users", "national_id"),
        ("public.users", "phone"),
        ("sales.orders", "note"),
    ]
    assert config.excluded.settings[SETTING].split(",") == [
        r"(?-i:public\.users\.national_id)",
        r"(?-i:public\.users\.phone)",
        r"(?-i:sales\.orders\.note)",
    ]


@given(NAMES, NAMES)
def test_an_expression_is_of_one_column_alone(column: str, other: str) -> None:
    setting = Excluded({"public.users": frozenset([column])}).settings[SETTING]
    (pattern,) = re.split(r"(?<!\\),", setting)
    found = re.compile(pattern, re.IGNORECASE)
    assert found.fullmatch(f"public.users.{column}")
    assert bool(found.fullmatch(f"public.users.{other}")) == (column == other)
    assert not found.fullmatch(f"publicXusers.{column}")


@given(st.dictionaries(NAMES, st.frozensets(NAMES, min_size=1)))
def test_a_command_line_carries_them(columns: dict[str, frozenset[str]]) -> None:
    assert Excluded.of_lists(Excluded(columns).lists) == Excluded(columns)


@pytest.mark.parametrize("table", ["users", "app.public.users", "public.a b"])
def test_a_table_that_no_view_can_name_is_refused(table: str) -> None:
    with pytest.raises(ValueError, match="as the catalogue spells it"):
        Config.model_validate({"tables": {table: {"exclude": ["phone"]}}})


def test_a_setting_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="excluded"):
        Config.model_validate({"tables": {"public.users": {"excluded": ["phone"]}}})
