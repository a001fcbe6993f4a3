"""Statements that change rows and send no event: TRUNCATE reaches the views at once, DDL is reported and made good."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.oracle import differences, wait_until_exact
from tests.stack import Stack


@pytest.fixture
def kept_users(stack: Stack) -> Iterator[None]:
    """Keep a copy of all users and bring it back."""
    stack.sql("CREATE TABLE public.kept_users AS SELECT * FROM public.users")
    yield
    stack.sql("DELETE FROM public.users")
    stack.sql(
        "INSERT INTO public.users"
        " SELECT (jsonb_populate_record(NULL::public.users, to_jsonb(kept))).* FROM public.kept_users kept"
    )
    stack.sql("DROP TABLE public.kept_users")
    wait_until_exact(stack)


@pytest.mark.usefixtures("kept_users")
def test_a_truncate_empties_the_views(stack: Stack) -> None:
    wait_until_exact(stack)
    stack.sql("TRUNCATE public.users")
    wait_until_exact(stack)
    assert stack.cql("SELECT id FROM penstock.users_by_id LIMIT 1") == []
    assert stack.cql("SELECT users FROM penstock.user_stats_by_country LIMIT 1") == []
    assert "equal" in stack.penstock("verify user_history").stdout


@pytest.mark.slow
@pytest.mark.usefixtures("kept_users")
def test_rows_that_ddl_rewrites_are_reported_and_read_again(stack: Stack) -> None:
    wait_until_exact(stack)
    stack.sql("ALTER TABLE public.users ADD COLUMN new_title text")
    stack.sql("UPDATE public.users SET new_title = lower(title)")
    stack.sql("ALTER TABLE public.users DROP COLUMN title; ALTER TABLE public.users RENAME new_title TO title")
    stack.sql(
        "ALTER TABLE public.users ALTER COLUMN city TYPE text USING upper(city),"
        " ALTER COLUMN gender TYPE text USING CASE gender WHEN 'female' THEN 'male' ELSE 'female' END"
    )
    assert differences(stack)
    status = stack.run(".venv/bin/penstock status", check=False)
    assert status.returncode == 1
    shown = " ".join(status.stdout.split())
    assert "ALTER TABLE rewrote every row" in shown
    assert "title is another column now than it was: `penstock views apply`" in shown

    stack.penstock("views apply")
    wait_until_exact(stack)
    assert "ALTER TABLE" not in stack.run(".venv/bin/penstock status", check=False).stdout
    stack.penstock("verify")
