"""Passwords, salts and hashes are gone before anything else sees an answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ingest.secrets import without_secrets

from penstock.randomuser.person import Wish, make_person

SECRETS = ("password", "salt", "md5", "sha1", "sha256")


def test_of_login_only_uuid_and_username_stay_and_all_else_is_untouched() -> None:
    user = make_person(Wish("s", 1), 0)
    kept = {name: user["login"][name] for name in ("uuid", "username")}
    assert without_secrets([user]) == [{**user, "login": kept}]


@pytest.mark.parametrize(
    "shape",
    [
        lambda login: {"login": login},
        lambda login: {"Login": login},
        lambda login: {"login": [login]},
        lambda login: {"login": login["password"]},
        lambda login: {"login": {"uuid": login}},
        lambda login: {"account": login},
        lambda login: [[{"deep": [{**login, "PassWord": login["password"]}]}]],
    ],
)
def test_no_misshapen_user_smuggles_one_through(shape: Any) -> None:
    login = {**make_person(Wish("s", 1), 0)["login"], "password": "correct horse"}
    left = json.dumps(without_secrets(shape(login)))
    for name in SECRETS:
        assert login[name] not in left
