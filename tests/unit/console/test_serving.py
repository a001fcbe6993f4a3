"""The console serves with the files that penstock.toml names, seen from the clone wherever its process runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from penstock.clone import ROOT
from penstock.config import Config
from penstock.console import __main__ as serving
from penstock.console.hub import Hub
from penstock.console.look.sampler import Sampler
from penstock.console.moment.map import build_flow
from penstock.console.moment.recorder import Recorder
from penstock.console.safety.guard import Caller
from penstock.console.service.loads import AirflowOff, list_loads, start_load
from penstock.layout import Layout
from penstock.sections.airflow import Airflow, Api
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


def test_without_airflow_nothing_of_it_is_looked_at_or_shown(tmp_path: Path) -> None:
    hub = Hub(Config(state=tmp_path, airflow=Airflow(enabled=False)))
    snapshot = hub.snapshot()
    assert not {"API", "Airflow"} & {reading.source for reading in snapshot.readings}
    assert not {"api", "airflow"} & {box.key for box in build_flow(snapshot, lambda _: None).boxes}
    with pytest.raises(AirflowOff):
        list_loads(hub)
    with pytest.raises(AirflowOff):
        start_load(hub, users=1, caller=Caller(None, "test"))


def test_only_what_is_in_use_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr(Sampler, "start", lambda self: started.append(self.reading.source))
    monkeypatch.setattr(Recorder, "start", lambda _: None)
    Hub(Config(state=tmp_path, airflow=Airflow(enabled=False))).start()
    without = set(started)
    Hub(Config(state=tmp_path)).start()
    assert set(started) - without == {"API", "Airflow"}
