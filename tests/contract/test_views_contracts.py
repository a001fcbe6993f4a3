"""Views, DDL, Avro contracts and Cassandra tables agree; nothing runs but Spark's type analysis in this process."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from penstock_views.output.contracts import Contract, check_contracts, contracts_on
from penstock_views.stream.session import local_session
from penstock_views.types.tables import read_table

from penstock.cassandra.table_file import cql_type
from penstock.clone import ROOT
from penstock.contract import SINCE
from tests.names import load_views

AVRO = ROOT / "schemas" / "avro"
VIEWS = load_views(ROOT / "spark" / "views")
WEEK_S = 7 * 24 * 3600


@pytest.fixture(scope="session")
def contracts() -> list[Contract]:
    spark, tables = local_session(), ROOT / "schemas" / "postgres"
    return [each for view in VIEWS for each in contracts_on(spark, view, read_table(tables, view.table))]


def test_every_view_keeps_its_contract(contracts: list[Contract]) -> None:
    check_contracts(AVRO, contracts)


def test_no_contract_is_left_of_a_view_that_is_gone(contracts: list[Contract]) -> None:
    assert {file.name for file in AVRO.glob("views.*.avsc")} == {contract.file_name for contract in contracts}


def test_a_changed_contract_is_refused_with_the_field(contracts: list[Contract], tmp_path: Path) -> None:
    for contract in contracts:
        (tmp_path / contract.file_name).write_text(contract.text.replace('"email"', '"mail"'))
    with pytest.raises(Exception, match=r"field mail is .* in the file and absent in the view"):
        check_contracts(tmp_path, contracts)


HISTORY = """
from penstock_views import history, whole

@history("{}", key=["id"], revision={})
def kept(u):
    return whole(u)
"""


def test_the_contract_of_a_history_keeps_the_revision_of_its_first_entries(tmp_path: Path) -> None:
    views, avro = tmp_path / "spark" / "views", tmp_path / "schemas" / "avro"
    views.mkdir(parents=True)
    avro.mkdir(parents=True)
    table, found = read_table(ROOT / "schemas" / "postgres", "public.users"), []
    users, people = "public.users", "public.people"
    raised = [(users, 2), (users, 2), (users, 3), (users, 5), (people, 6), (people, 6), (people, 7), (people, 8)]
    for named, revision in raised:
        (views / "kept.py").write_text(HISTORY.format(named, revision))
        (view,) = load_views(views)
        key, value = contracts_on(local_session(), view, table)
        for contract in (key, value):
            (avro / contract.file_name).write_text(contract.text)
        found.append(value.schema.get(SINCE))
    # Another table's offsets start at 0: its entries would have places among those of the first one.
    assert found == [None, None, 2, 2, None, None, 6, 6]


def cql(view: str) -> str:
    return re.sub(r"--[^\n]*", "", (ROOT / "schemas" / "cassandra" / f"{view}.cql").read_text())


@pytest.mark.parametrize("view", [view.name for view in VIEWS])
def test_the_view_table_has_the_columns_of_the_contract_and_row_version(view: str) -> None:
    fields = json.loads((AVRO / f"views.{view}-value.avsc").read_text())["fields"]
    expected = {field["name"]: cql_type(field["type"]) for field in fields} | {"row_version": "bigint"}
    inside = cql(view).split("(", 1)[1].split("PRIMARY KEY")[0]
    assert dict(line.split() for line in inside.split(",") if line.strip()) == expected


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_the_primary_key_of_the_view_table_is_the_key_of_the_view(view: object) -> None:
    declared = next(known for known in VIEWS if known is view)
    found = re.search(r"PRIMARY KEY \((.*)\)\s*\)", cql(declared.name))
    assert found
    assert re.findall(r"\w+", found[1]) == list(declared.primary_key)


@pytest.mark.parametrize("view", [view.name for view in VIEWS])
def test_tombstones_outlive_the_topics(view: str) -> None:
    found = re.search(r"gc_grace_seconds = (\d+)", cql(view))
    assert found
    assert int(found[1]) >= WEEK_S


def test_the_ddl_of_the_source_is_understood() -> None:
    table = read_table(ROOT / "schemas" / "postgres", "public.users")
    assert table.primary_key == ("id",)
    types = {field.name: field.dataType.simpleString() for field in table.columns.fields}
    assert (types["latitude"], types["registered"], types["date_of_birth"]) == ("decimal(7,4)", "timestamp", "date")
    assert len(types) == 23


def test_spark_is_no_package() -> None:
    """With the repository root on `sys.path` it would take the name from everyone else."""
    assert not (ROOT / "spark" / "__init__.py").exists()
