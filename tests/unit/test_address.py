"""The address of a server that asks who comes: it shows no secret, and its session shows the right one."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from penstock.address import Address, LetIn, SecretUnreadable, let_in_options, prepare_session
from penstock.config import Config, ConfigInvalid, load_config


def test_a_user_a_token_and_an_authority(tmp_path: Path) -> None:
    secret, ca = tmp_path / "secret", tmp_path / "ca.pem"
    secret.write_text("5ecret\n")
    by_user = Address("https://one", LetIn("ann", secret, None, ca))
    session = requests.Session()
    prepare_session(session, by_user)
    assert session.auth == ("ann", "5ecret")
    assert (session.verify, session.trust_env) == (str(ca), False)
    by_token = requests.Session()
    prepare_session(by_token, Address("https://one", LetIn(token_file=secret)))
    assert by_token.headers["Authorization"] == "Bearer 5ecret"
    shown = f"{by_user} {by_user!r} {by_user.let_in} {let_in_options(by_user)}"
    assert "5ecret" not in shown


def test_a_secret_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(SecretUnreadable, match="No such file"):
        prepare_session(requests.Session(), Address("https://one", LetIn("ann", tmp_path / "missing")))


def test_a_plain_url_has_nothing_to_show() -> None:
    assert let_in_options("http://one") == []
    assert let_in_options(Config().registry.url) == []
    assert Config().registry.url == "http://127.0.0.1:8081/apis/ccompat/v7"
    assert (
        Config.model_validate({"registry": {"managed": False, "api_path": ""}}).registry.url == "http://127.0.0.1:8081"
    )
    assert Config().connect.url == "http://127.0.0.1:8083"


def test_it_is_for_servers_of_others_only(tmp_path: Path) -> None:
    file = tmp_path / "penstock.toml"
    file.write_text('[connect]\nbase_url = "https://one"\n')
    with pytest.raises(ConfigInvalid, match="managed = false"):
        load_config(file)
