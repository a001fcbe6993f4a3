"""The connectors as a worker gets them: ours has its environment, one of others what the configuration says."""

from __future__ import annotations

import json
import re
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from penstock.clone import ROOT
from penstock.config import Config, ConfigInvalid, load_config
from penstock.connect.files import ConnectorFileInvalid, read_connector, read_connectors
from penstock.excluded import SETTING
from penstock.hashed import SECRET
from penstock.installation import Names
from penstock.layout import Layout
from penstock.project.connectors import addresses, complete_connectors, declared_connectors, secrets
from penstock.project.folders import Project
from penstock.project.required import settings_of_source
from penstock.stack.parts.spark import aggregates_job
from tests.names import SINK, SOURCE


def made(**sections: object) -> Config:
    return Config.model_validate(sections)


def test_without_a_word_of_security_the_files_are_what_they_are() -> None:
    assert declared_connectors(Config()) == read_connectors(Project.of(Config()).connectors)


def test_a_worker_of_others_gets_addresses_converters_and_references() -> None:
    references = {"PENSTOCK_POSTGRES_PASSWORD": "${file:/run/secrets/db:password}"}
    config = made(
        connect={"managed": False, "references": references},
        postgres={"managed": False, "host": "db.example.com", "user": "penstock"},
        registry={"managed": False, "base_url": "https://registry.example.com"},
    )
    (sink, source) = declared_connectors(config)
    assert source.config["database.hostname"] == "db.example.com"
    assert source.config["database.password"] == "${file:/run/secrets/db:password}"
    assert "${env:" not in str(source.config)
    for file in (sink, source):
        assert file.config["key.converter"] == "io.apicurio.registry.utils.converter.AvroConverter"
        url = file.config["value.converter.apicurio.registry.url"]
        assert url == "https://registry.example.com/apis/ccompat/v7"


def test_the_converter_shows_the_registry_a_token_without_holding_it(tmp_path: Path) -> None:
    file = tmp_path / "token"
    registry = {"managed": False, "base_url": "https://registry.example.com/", "api_path": "", "token_file": file}
    for connector in declared_connectors(made(connect={"managed": False}, registry=registry)):
        assert connector.config["key.converter.apicurio.registry.url"] == "https://registry.example.com"
        assert connector.config["value.converter.apicurio.auth.token.file"] == str(file)
        assert not [name for name in connector.config if "apicurio.auth.username" in name]


def logins(folder: Path) -> Config:
    """Return a configuration whose roles have passwords of their own, with two more sources: beside, and elsewhere."""
    files = {name: folder / name for name in ("password_file", "replicator_password_file", "reader_password_file")}
    for name, file in files.items():
        file.write_text(f"{name}'s 5ecret")
    shutil.copytree(ROOT / "connect" / "connectors", folder / "connect" / "connectors")
    for source in ("billing", "far"):
        file = folder / "connect" / "connectors" / f"{source}-postgres-source.json"
        first = json.loads(file.with_stem("users-postgres-source").read_text())
        file.write_text(json.dumps(first | settings_of_source(Names(source=source))))
    far = {"host": "far", "user": "etl", "password_file": files["reader_password_file"]}
    return made(project=folder, state=folder / "s", postgres=files, sources={"billing": {}, "far": far})


def test_the_sources_log_in_as_the_replicator_where_it_has_a_password(tmp_path: Path) -> None:
    config = logins(tmp_path)
    assert addresses(config)["PENSTOCK_POSTGRES_USER"] == "penstock_replicator"
    assert secrets(config)["PENSTOCK_POSTGRES_PASSWORD"] == (tmp_path / "replicator_password_file").read_text()
    assert secrets(config)["PENSTOCK_POSTGRES_FAR_PASSWORD"] == (tmp_path / "reader_password_file").read_text()
    sources = [file for file in declared_connectors(config) if "database.user" in file.config]
    found = {file.name: (file.config["database.user"], file.config["database.password"]) for file in sources}
    # What a running worker has in its environment stays together.
    same = ("${env:PENSTOCK_POSTGRES_USER}", "${env:PENSTOCK_POSTGRES_PASSWORD}")
    assert found == {
        "users-postgres-source": same,
        "billing-postgres-source": same,
        "far-postgres-source": ("etl", "${env:PENSTOCK_POSTGRES_FAR_PASSWORD}"),
    }


def test_a_job_knows_the_sources_as_the_reader(tmp_path: Path) -> None:
    config = logins(tmp_path)
    job = aggregates_job(config, Layout.of(config))
    given = [json.loads(word) for before, word in pairwise(job.command) if before == "--source"]
    assert {each["name"]: each["user"] for each in given} == {
        "": "penstock_reader",
        "billing": "penstock_reader",
        "far": "etl",
    }
    assert job.environment()["PENSTOCK_POSTGRES_PASSWORD"] == (tmp_path / "reader_password_file").read_text()
    assert "5ecret" not in str(job.command)


def test_a_reference_is_never_a_secret_itself() -> None:
    with pytest.raises(ValueError, match="references"):
        made(connect={"references": {"PENSTOCK_POSTGRES_PASSWORD": "5ecret"}})


def test_and_one_that_is_written_there_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "penstock.toml"
    file.write_text('[connect.references]\nPENSTOCK_POSTGRES_PASSWORD = "5ecret"\n')
    with pytest.raises(ConfigInvalid, match="never the secret itself") as refused:
        load_config(file)
    assert "5ecret" not in str(refused.value)


def test_the_source_alone_knows_which_columns_are_hashed_and_never_the_secret(tmp_path: Path) -> None:
    tables = {"public.users": {"hash": ["email"]}}
    config = made(tables=tables, state=str(tmp_path))
    sink, source = declared_connectors(config)
    assert source.config["penstock.hash.columns"] == "public.users/email"
    assert "hash" not in str(sink.config)
    assert config.hashed.secret not in str(source.config)
    references = {SECRET: "${file:/run/secrets/hash:secret}"}
    _, theirs = declared_connectors(
        made(tables=tables, state=str(tmp_path), connect={"managed": False, "references": references})
    )
    assert theirs.config["penstock.hash.secret"] == references[SECRET]


def test_the_source_alone_knows_which_columns_are_excluded() -> None:
    sink, source = declared_connectors(made(tables={"public.users": {"exclude": ["phone"]}}))
    assert source.config[SETTING] == r"(?-i:public\.users\.phone)"
    assert SETTING not in sink.config


def copied(folder: Path, file: str, **settings: str | None) -> Config:
    """Return the configuration of a project whose connector file says this; None: says it no more."""
    shutil.copytree(ROOT / "connect" / "connectors", folder / "connect" / "connectors")
    path = folder / "connect" / "connectors" / f"{file}.json"
    said = json.loads(path.read_text()) | settings
    path.write_text(json.dumps({key: value for key, value in said.items() if value is not None}, indent=1))
    return made(project=folder)


@pytest.mark.parametrize("filtering", [SETTING, "column.include.list", "column.mask.with.3.chars"])
def test_a_file_that_filters_columns_itself_is_refused(tmp_path: Path, filtering: str) -> None:
    config = copied(tmp_path, SOURCE, **{filtering: "public.users.phone"})
    with pytest.raises(ConnectorFileInvalid, match=re.escape(f'"{filtering}": name the columns in penstock.toml')):
        declared_connectors(config)


OTHERWISE = [
    (SOURCE, "connector.class", "io.debezium.connector.postgresql.PostgresConnector"),
    (SOURCE, "transforms", "unwrap"),
    (SOURCE, "slot.name", "another"),
    (SINK, "consumer.override.auto.offset.reset", "latest"),
    (SINK, "topic.views.users_by_id.penstock.users_by_id.mapping", "*"),
]


@pytest.mark.parametrize(("file", "setting", "value"), OTHERWISE)
def test_a_file_that_says_otherwise_than_it_must_is_refused_with_place_value_and_reason(
    tmp_path: Path, file: str, setting: str, value: str
) -> None:
    config = copied(tmp_path, file, **{setting: value})
    must = read_connector(Project.of(Config()).connectors / f"{file}.json").config[setting]
    with pytest.raises(ConnectorFileInvalid) as refused:
        complete_connectors(config)
    assert f"{file}.json refused" in str(refused.value)
    assert f', column 2: "{setting}" is "{value}" and must be "{must}": ' in str(refused.value)


@pytest.mark.parametrize(("file", "setting", "_"), OTHERWISE[1:4])
def test_what_a_file_lacks_is_added(tmp_path: Path, file: str, setting: str, _: str) -> None:
    assert declared_connectors(copied(tmp_path, file, **{setting: None})) == declared_connectors(Config())


@pytest.mark.parametrize(
    ("file", "setting", "value"),
    [
        (SOURCE, "poll.interval.ms", "500"),
        (SOURCE, "transforms", "epoch, mine"),
        (SOURCE, "incremental.snapshot.chunk.size", None),
        (SINK, "tasks.max", "9"),
    ],
)
def test_what_people_may_tune_is_theirs(tmp_path: Path, file: str, setting: str, value: str | None) -> None:
    declared = {each.name: each.config for each in declared_connectors(copied(tmp_path, file, **{setting: value}))}
    assert declared[file].get(setting) == value


def test_the_connector_of_others_says_what_it_likes(tmp_path: Path) -> None:
    config = copied(tmp_path, SOURCE)
    theirs = {"connector.class": "io.debezium.connector.postgresql.PostgresConnector", "slot.name": "crm"}
    (tmp_path / "connect" / "connectors" / "crm-postgres-source.json").write_text(json.dumps(theirs))
    assert theirs in [each.config for each in complete_connectors(config)]
