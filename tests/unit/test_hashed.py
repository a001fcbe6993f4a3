"""The hash of a column: its secret, what the source and a session are given of it, and that SQL computes the same."""

from __future__ import annotations

import hashlib
import hmac
import re
import stat
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.config import Config, SecretShort
from penstock.hashed import NOT_HASHED, Hashed, hash_sql

SECRETS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=100)


def made(tmp_path: Path, **more: object) -> Config:
    tables = {"public.users": {"hash": ["email", "a,b /é"]}}
    return Config.model_validate({"tables": tables, "state": str(tmp_path)} | more)


def test_nothing_is_said_and_no_secret_is_made_where_nothing_is_hashed(tmp_path: Path) -> None:
    config = made(tmp_path, tables={"public.users": {"exclude": ["email"]}})
    assert config.hashed == NOT_HASHED
    assert NOT_HASHED.settings == {}
    assert NOT_HASHED.session == ""
    assert [*tmp_path.iterdir()] == []


def test_the_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    first, again = made(tmp_path).hash_secret, made(tmp_path).hash_secret
    (file,) = tmp_path.iterdir()
    assert first == again == file.read_text().strip()
    assert len(first) == 64
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_secret_of_the_user_is_taken_and_a_short_one_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine"
    file.write_text("x" * 32 + "\n")
    assert made(tmp_path, hash_secret_file=str(file)).hashed.secret == "x" * 32
    file.write_text("x" * 31)
    with pytest.raises(SecretShort, match="fewer than 32 characters"):
        _ = made(tmp_path, hash_secret_file=str(file)).hashed
    assert [*tmp_path.iterdir()] == [file]


def test_the_source_is_configured_with_the_columns_and_where_its_secret_is(tmp_path: Path) -> None:
    hashed = made(tmp_path).hashed
    settings = hashed.settings
    named = [tuple(map(unquote, each.split("/"))) for each in settings["penstock.hash.columns"].split(",")]
    assert named == [*hashed]
    assert settings["penstock.hash.secret"] == "${env:PENSTOCK_HASH_SECRET}"
    assert hashed.secret not in str(settings) + repr(hashed) + str(hashed.lists)
    assert settings["penstock.hash.fingerprint"] != hashed.with_secret("y" * 32).fingerprint


def test_a_column_is_excluded_or_hashed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="email: either in `exclude` or in `hash`"):
        made(tmp_path, tables={"public.users": {"hash": ["email"], "exclude": ["email"]}})


@given(SECRETS, st.binary())
def test_the_session_and_the_sql_make_an_hmac(secret: str, value: bytes) -> None:
    settings = dict(re.findall(r"-c (\S+)=([0-9a-f]+)", Hashed({"t": frozenset("c")}, secret).session))
    inner = hashlib.sha256(bytes.fromhex(settings["hashed.inner"]) + value).digest()
    found = hashlib.sha256(bytes.fromhex(settings["hashed.outer"]) + inner).hexdigest()
    assert found == hmac.new(secret.encode(), value, "sha256").hexdigest() == Hashed(secret=secret).hash(value)


def test_a_statement_holds_no_secret() -> None:
    assert "current_setting('hashed.inner')" in hash_sql("email")
