"""The address of a server that asks who comes: it shows no secret, and its session shows the right one."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from typer.testing import CliRunner

from penstock.address import Address, LetIn, SecretUnreadable, let_in_options, prepare_session
from penstock.cli.main import app
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


@pytest.mark.parametrize("part", ["registry", "connect", "airflow"])
@pytest.mark.parametrize("is_managed", ["true", "false"])
@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://u:hunter2@one", "must have no user and no password in it"),
        ("https://hunter2@one/path", "must have no user and no password in it"),
        ("https://one/?api_key=hunter2", r"must have no secret in it \(api_key=…\)"),
        ("one:8083", "must be a URL that begins with http:// or https://"),
        ("https://[hunter2", "is no URL"),
    ],
)
def test_an_address_with_a_secret_is_refused_without_showing_it(
    tmp_path: Path, part: str, is_managed: str, url: str, says: str
) -> None:
    file = tmp_path / "penstock.toml"
    file.write_text(f'[{part}]\nmanaged = {is_managed}\nbase_url = "{url}"\n')
    with pytest.raises(ConfigInvalid, match=f"{part}.base_url: {says}") as refused:
        load_config(file)
    assert "hunter2" not in str(refused.value)


def test_a_refused_section_shows_nothing_that_is_in_it(tmp_path: Path) -> None:
    file = tmp_path / "penstock.toml"
    file.write_text('[registry]\nbase_url = "https://one"\nuser = "hunter2"\n[sources]\nbilling = ["hunter2"]\n')
    with pytest.raises(ConfigInvalid, match="managed = false") as refused:
        load_config(file)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("url", ["", "https://alice:s3cret@host/api/", "https://host/api/?key=s3cret"])
def test_up_takes_no_such_address_of_users_either(url: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["up", "--api", url], env={"PENSTOCK_STATE": str(tmp_path)})
    assert (done.exit_code, "s3cret" in done.output, list(tmp_path.iterdir())) == (2, False, [])
    assert "--api" in done.output


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
