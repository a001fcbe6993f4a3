"""The console serves with the files that penstock.toml names, seen from the clone wherever its process runs."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from penstock.clone import ROOT
from penstock.config import Config
from penstock.console import __main__ as serving
from penstock.console import verify_child
from penstock.console.service.views import Verifier
from penstock.layout import Layout
from penstock.sections.airflow import Api
from penstock.secured import secured
from penstock.stack.make_secrets import make_secrets
from penstock.stack.parts.console import console


def test_the_certificate_is_seen_from_the_clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"certificate_file": "secrets/console.pem", "key_file": str(tmp_path / "console.key")}
    (tmp_path / "config.json").write_text(json.dumps({"state": str(tmp_path / "var"), "console": files}))
    given: dict[str, Any] = {}
    monkeypatch.setattr(sys, "argv", ["console", "--config", str(tmp_path / "config.json")])
    monkeypatch.setattr(serving, "build", lambda _: (None, None))
    monkeypatch.setattr("uvicorn.run", lambda _, **more: given.update(more))
    monkeypatch.chdir(tmp_path)
    serving.main()
    assert given["ssl_certfile"] == ROOT / "secrets" / "console.pem"
    assert given["ssl_keyfile"] == tmp_path / "console.key"


def test_what_it_reads_is_for_its_owner(tmp_path: Path) -> None:
    config = Config(state=tmp_path, api=Api(proxy="http://ann:s3cret@proxy:3128"))
    file = Layout.of(config).conf("console") / "config.json"
    file.parent.mkdir(parents=True)
    file.touch(0o644)  # of an earlier version
    console(config, Layout.of(config)).prepare()
    assert "s3cret" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


def test_its_verify_is_that_of_a_secured_stack_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_secrets(Config(state=tmp_path))
    config, given, verified = secured(Config(state=tmp_path)), "", []

    def run(*_: object, input: str, **_more: object) -> SimpleNamespace:
        nonlocal given
        given = input
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(subprocess, "run", run)
    Verifier(SimpleNamespace(config=config))._run(None)  # type: ignore[arg-type]  # all of the hub that it needs
    monkeypatch.setattr(sys, "stdin", io.StringIO(given))
    monkeypatch.setattr(sys, "argv", ["verify"])
    monkeypatch.setattr("penstock.verify.run.run_verify", lambda workspace, *_, **__: verified.append(workspace.config))
    verify_child.main()
    assert verified == [config]
