"""The loader's plain Python against a real Postgres and an API that errs where the test says."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from ingest.api import ApiFailed, Patience, UserApi
from ingest.load import Plan, Totals, load_users
from ingest.store import DatabaseFailed
from ingest.user import parse_user

from penstock.config import Config
from penstock.project.workspace import Workspace
from penstock.randomuser.person import Wish, make_person
from penstock.sections.postgres import Postgres
from penstock.setup.actions import create_tables
from tests.faulty_api import Answer, FaultyApi, Users, serve_faulty_api

PLAN = Plan(users=60, page_size=20, seed="s")


@pytest.fixture
def database(config: Config) -> Iterator[psycopg2.extensions.connection]:
    with closing(psycopg2.connect(config.postgres.dsn)) as connection:
        connection.autocommit = True
        connection.cursor().execute("TRUNCATE public.users, loader.rejected_users")
        yield connection


@pytest.fixture
def api() -> Iterator[FaultyApi]:
    with serve_faulty_api() as server:
        yield server


def load(config: Config, api: FaultyApi, *, plan: Plan = PLAN, pages: list[Totals] | None = None) -> Totals:
    client = UserApi(api.url, Patience(), sleep=lambda _seconds: None, log=lambda _line: None)
    with client.session:
        return load_users(
            plan, api=client, dsn=config.postgres.dsn, on_page=(pages if pages is not None else []).append
        )


def rows(database: psycopg2.extensions.connection, query: str) -> list[tuple[Any, ...]]:
    cursor = database.cursor()
    cursor.execute(query)
    return list(cursor.fetchall())


def test_the_set_up_is_idempotent_and_complete(config: Config, database: psycopg2.extensions.connection) -> None:
    create_tables(Workspace(config))
    assert rows(database, "SELECT relreplident FROM pg_class WHERE oid = 'public.users'::regclass") == [("f",)]
    published = rows(database, "SELECT schemaname, tablename FROM pg_publication_tables WHERE pubname = 'penstock'")
    assert set(published) == {("public", "users"), ("penstock", "signals")}


def test_a_table_that_left_the_publication_comes_back(config: Config, database: psycopg2.extensions.connection) -> None:
    database.cursor().execute("ALTER PUBLICATION penstock DROP TABLE public.users")
    create_tables(Workspace(config))
    published = rows(database, "SELECT tablename FROM pg_publication_tables WHERE pubname = 'penstock'")
    assert ("users",) in published


def test_every_user_arrives_as_it_was_parsed(
    config: Config, database: psycopg2.extensions.connection, api: FaultyApi
) -> None:
    pages: list[Totals] = []
    assert load(config, api, pages=pages) == Totals(fetched=60, written=60)
    assert [page.fetched for page in pages] == [20, 40, 60]

    expected = {}
    for page in (1, 2, 3):
        for position in range(20):
            row = parse_user(make_person(Wish("s", page), position))
            expected[row.id] = row
    stored = rows(database, f"SELECT {', '.join(vars(row))} FROM public.users")
    assert {row[0]: type(expected[row[0]])(*row) for row in stored} == expected


def test_a_second_load_writes_nothing_at_all(
    config: Config, database: psycopg2.extensions.connection, api: FaultyApi
) -> None:
    load(config, api)
    before = rows(database, "SELECT id, xmin::text, ctid::text FROM public.users ORDER BY id")

    assert load(config, api) == Totals(fetched=60, unchanged=60)
    assert rows(database, "SELECT id, xmin::text, ctid::text FROM public.users ORDER BY id") == before


def test_only_what_changed_is_written(config: Config, database: psycopg2.extensions.connection, api: FaultyApi) -> None:
    load(config, api)
    ids = [str(row[0]) for row in rows(database, "SELECT id FROM public.users LIMIT 7")]
    cursor = database.cursor()
    cursor.execute("UPDATE public.users SET city = NULL WHERE id = %s", (ids[0],))
    cursor.execute("UPDATE public.users SET picture = '{}' WHERE id = ANY(%s::uuid[])", (ids[1:3],))
    cursor.execute("DELETE FROM public.users WHERE id = ANY(%s::uuid[])", (ids[3:],))

    assert load(config, api) == Totals(fetched=60, written=7, unchanged=53)
    assert rows(database, "SELECT count(*) FROM public.users WHERE city IS NULL OR picture = '{}'") == [(0,)]


def test_a_column_that_somebody_added_is_left_alone(
    config: Config, database: psycopg2.extensions.connection, api: FaultyApi
) -> None:
    load(config, api)
    cursor = database.cursor()
    cursor.execute("ALTER TABLE public.users ADD COLUMN nickname text")
    try:
        cursor.execute("UPDATE public.users SET nickname = 'x'")
        assert load(config, api) == Totals(fetched=60, unchanged=60)
        assert rows(database, "SELECT DISTINCT nickname FROM public.users") == [("x",)]
    finally:
        cursor.execute("ALTER TABLE public.users DROP COLUMN nickname")


def test_pages_before_a_failure_stay_and_the_next_load_writes_the_rest(
    config: Config, database: psycopg2.extensions.connection, api: FaultyApi
) -> None:
    api.always[3] = Answer(500, b'{"error": "Uh oh, something has gone wrong."}')
    with pytest.raises(ApiFailed, match=r"page=3.* 500 Internal Server Error: Uh oh"):
        load(config, api)
    assert rows(database, "SELECT count(*) FROM public.users") == [(40,)]

    del api.always[3]
    assert load(config, api) == Totals(fetched=60, written=20, unchanged=40)


def test_a_page_is_all_or_nothing(config: Config, database: psycopg2.extensions.connection, api: FaultyApi) -> None:
    last = make_person(Wish("s", 2), 19)["login"]["uuid"]
    database.cursor().execute(f"ALTER TABLE public.users ADD CONSTRAINT not_this CHECK (id <> '{last}')")
    try:
        with pytest.raises(DatabaseFailed, match="not_this"):
            load(config, api)
        assert rows(database, "SELECT count(*) FROM public.users") == [(20,)]
    finally:
        database.cursor().execute("ALTER TABLE public.users DROP CONSTRAINT not_this")


def test_malformed_users_are_kept_aside_once_with_reason_and_without_secrets(
    config: Config, database: psycopg2.extensions.connection, api: FaultyApi
) -> None:
    def spoil(page: int, users: Users) -> Users:
        if page == 2:
            users[0] = None
            users[3]["email"] = None
            users[4]["name"]["first"] = "\0\ud800"
            users[5]["login"]["uuid"] = users[6]["login"]["uuid"]
            users[7] = {
                "login": users[7]["login"],
                "deep": [[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]],
                "huge": "1e999",
            }
        return users

    api.spoil = spoil
    assert load(config, api) == Totals(fetched=60, written=55, rejected=5)
    assert load(config, api) == Totals(fetched=60, unchanged=55, rejected=5)

    aside = rows(database, "SELECT seed, page, position, reason FROM loader.rejected_users ORDER BY position")
    assert [row[:3] for row in aside] == [("s", 2, position) for position in (0, 3, 4, 6, 7)]
    assert [row[3].split(":")[0] for row in aside] == ["user", "email", "name.first", "login.uuid", "email"]
    assert aside[1][3] == "email: a value is required"
    everything = str(rows(database, "SELECT content::text FROM loader.rejected_users"))
    for word in ("password", "salt", "md5", "sha1", "sha256", make_person(Wish("s", 2), 3)["login"]["sha256"]):
        assert word not in everything


@pytest.mark.usefixtures("database")
def test_an_id_that_comes_twice_never_overwrites(config: Config, api: FaultyApi) -> None:
    twin = make_person(Wish("s", 1), 0)["login"]["uuid"]

    def spoil(page: int, users: Users) -> Users:
        if page == 3:
            users[0]["login"]["uuid"] = twin
        return users

    api.spoil = spoil
    assert load(config, api).rejected == 1
    assert load(config, api) == Totals(fetched=60, unchanged=59, rejected=1)


def test_no_secret_reaches_any_table(config: Config, database: psycopg2.extensions.connection, api: FaultyApi) -> None:
    load(config, api)
    stored = str(rows(database, "SELECT to_jsonb(users)::text FROM public.users"))
    for position in range(20):
        login = make_person(Wish("s", 1), position)["login"]
        assert login["uuid"] in stored
        for name in ("salt", "md5", "sha1", "sha256"):
            assert login[name] not in stored


def test_a_database_that_is_not_there_is_said(api: FaultyApi, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    nowhere = Config(state=tmp_path, postgres=Postgres(port=port))
    with pytest.raises(DatabaseFailed, match="Connection refused"):
        load(nowhere, api)
    assert api.asked == []


@pytest.mark.usefixtures("database")
def test_a_shorter_load_is_the_start_of_a_longer(config: Config, api: FaultyApi) -> None:
    load(config, api, plan=replace(PLAN, users=25))
    assert load(config, api) == Totals(fetched=60, written=35, unchanged=25)
