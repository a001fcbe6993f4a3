"""The job of aggregates reads what its command line says of each source database."""

from __future__ import annotations

from pathlib import Path

import pytest
from penstock_views.stream.config import Source, parse_aggregates_arguments

from penstock.clone import ROOT
from penstock.config import Config
from penstock.layout import Layout
from penstock.local_spark import read_by_spark
from penstock.project.folders import Project, sources_of
from penstock.stack.parts.spark import aggregates_job


def made(tmp_path: Path) -> Config:
    """Return a configuration with two sources in use."""
    tables = {"public.users": {"exclude": ["iban"], "hash": ["phone"]}, "billing:public.users": {"hash": ["email"]}}
    password = tmp_path / "password"
    password.write_text("secret of billing\n")
    billing = {"host": "db.example.com", "sslmode": "require", "password_file": str(password)}
    config = Config.model_validate(
        {"state": str(tmp_path), "project": str(tmp_path), "sources": {"billing": billing}, "tables": tables}
    )
    file = Project.of(config.of_source("billing")).source_file
    file.parent.mkdir(parents=True)
    file.write_text((ROOT / "connect/connectors/users-postgres-source.json").read_text())
    return config


def test_each_source_comes_as_the_commands_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = made(tmp_path)
    job = aggregates_job(config, Layout.of(config))
    for name, value in job.environment().items():
        monkeypatch.setenv(name, value)
    known = {each.source: Source(read_by_spark(each), each.names.slot) for each in sources_of(config)}
    assert parse_aggregates_arguments(job.command[2:]).sources == known


def test_a_secret_is_in_no_command_line(tmp_path: Path) -> None:
    config = made(tmp_path)
    said = " ".join(aggregates_job(config, Layout.of(config)).command)
    assert "email" in said
    assert "secret of billing" not in said
    assert config.hash_secret not in said
