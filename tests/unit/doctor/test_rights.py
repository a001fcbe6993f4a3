"""The rights of each role as text: exact for the settings and the tables, and the same as the manual says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from penstock.clone import ROOT
from penstock.config import Config
from penstock.doctor.rights import as_text, identifier, kafka_acls, made_schemas, relation, roles

MANUAL = (ROOT / "docs" / "your-servers.md").read_text(encoding="utf-8")
THEIRS = {"managed": False, "user": "penstock"}


def of(**sections: object) -> Config:
    return Config.model_validate(sections)


def printed(config: Config, *tables: str) -> dict[tuple[str, str], str]:
    """Return the text of each role."""
    return {(role.server, role.name): as_text([role]) for role in roles(config, tables)}


@pytest.mark.parametrize(
    ("name", "written"),
    [("app", "app"), ("App", '"App"'), ("user", '"user"'), ("a-b", '"a-b"'), ('a"b', '"a""b"'), ("public", "public")],
)
def test_a_name_is_quoted_where_it_must_be(name: str, written: str) -> None:
    assert identifier(name) == written
    assert relation(f"public.{name}") == f"public.{written}"


def test_the_manual_has_what_is_printed_for_the_roles_of_its_examples() -> None:
    config = of(postgres=THEIRS, cassandra={**THEIRS, "local_dc": "dc1", "replication": {"dc1": 3, "dc2": 3}})
    texts = printed(config, "public.users")
    for server in ("postgres", "cassandra"):
        statements = texts[server, "penstock"].split("\n", 1)[1].strip()
        assert statements in MANUAL


def test_the_manual_lists_the_prefixes_of_kafka() -> None:
    ours, theirs = kafka_acls(of()), kafka_acls(of(connect={"managed": False}, registry={"managed": False}))
    listed = set(re.findall(r"`([^`]+)`", MANUAL.split("| resource | prefixes |")[1].split("\n\n")[0]))
    assert listed == {prefix for acl in (*ours, *theirs) for prefix in acl.prefixes}


def test_tables_and_names_of_others_are_written_as_postgres_needs_them() -> None:
    config = of(postgres={"managed": False, "user": "CDC user", "database": "order"})
    text = printed(config, "shop.Order Items", "shop.users")["postgres", "CDC user"]
    assert 'CREATE ROLE "CDC user" LOGIN REPLICATION' in text
    assert 'GRANT CONNECT, CREATE ON DATABASE "order" TO "CDC user"' in text
    assert "to_regclass('shop.\"Order Items\"'), to_regclass('shop.users')" in text
    assert 'GRANT USAGE ON SCHEMA shop TO "CDC user"' in text
    assert "CREATE, USAGE" not in text
    reader = printed(config, "shop.Order Items")["postgres", "CDC user_reader"]
    assert 'GRANT SELECT ON shop."Order Items" TO "CDC user_reader"' in reader


def test_the_roles_of_single_duties_are_those_that_the_settings_log_in_as(tmp_path: Path) -> None:
    (file := tmp_path / "secret").write_text("5ecret")
    files = {"reader_password_file": file, "replicator_password_file": file}
    for postgres, named in (({}, "penstock"), ({"managed": False, "user": "CDC user"}, "CDC user")):
        config = of(postgres={**postgres, **files})
        wanted = {f"{named}_reader", f"{named}_replicator"}
        assert {each.database.user for each in (config.reading, config.replicating)} == wanted
        assert wanted < {name for _, name in printed(config, "public.users")}
        assert config.reading.role == config.role


def test_servers_of_others_keep_their_own_topics_and_groups() -> None:
    theirs = kafka_acls(of(connect={"managed": False}, registry={"managed": False}))
    assert {acl.kind for acl in theirs} == {"topic", "group"}
    prefixes = {prefix for acl in theirs for prefix in acl.prefixes}
    assert "connect-cassandra-views-sink" in prefixes
    assert not prefixes & {"connect", "connect-", "kafkasql-", "registry-events", "apicurio-"}


def test_the_user_of_kafka_is_that_of_the_properties_and_its_password_is_not_printed(tmp_path: Path) -> None:
    file = tmp_path / "kafka.properties"
    login = 'ScramLoginModule required username="etl" password="5ecret";'
    file.write_text(f"security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-512\nsasl.jaas.config={login}\n")
    text = as_text(roles(of(kafka={"managed": False, "properties_file": file}), ()))
    assert "--allow-principal User:etl " in text
    assert "5ecret" not in text


def test_the_schemas_are_those_of_the_project() -> None:
    assert made_schemas(of()) == ["loader", "penstock"]
