"""`penstock doctor` on a real Cassandra: datacenter, copies, keyspace and rights, each fault with its cure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from penstock.cassandra.session import CassandraRefused, CassandraUnreachable, open_session
from penstock.config import Config
from penstock.doctor.cassandra import examine
from penstock.doctor.finding import Finding, Weight
from penstock.doctor.rights import roles
from tests.integration.certificates import Certificates
from tests.integration.their_cassandra import PASSWORD, TheirCassandra, their_cassandra
from tests.patience import answered


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TheirCassandra]:
    folder = tmp_path_factory.mktemp("theirs")
    with their_cassandra(folder, Certificates.made_in(folder / "tls")) as server:
        yield server


def found(theirs: TheirCassandra, **more: object) -> list[Finding]:
    config = Config.model_validate({"cassandra": {**theirs.section, **more}})
    return [
        finding
        for finding in answered(lambda: [*examine(config)], CassandraUnreachable)
        if finding.weight is not Weight.OK
    ]


def test_with_the_rights_of_the_role_nothing_is_wrong(theirs: TheirCassandra) -> None:
    assert found(theirs) == []


@pytest.mark.parametrize("right", ["CREATE", "ALTER", "DROP", "SELECT", "MODIFY"])
def test_a_right_that_lacks_is_named_and_its_grant_makes_it_go(theirs: TheirCassandra, right: str) -> None:
    theirs.as_administrator(f"REVOKE {right} ON KEYSPACE penstock FROM penstock")
    (finding,) = found(theirs)
    assert finding.what == f"role penstock may not {right} in keyspace penstock"
    theirs.as_administrator(finding.cure)
    assert found(theirs) == []


def test_another_replication_is_named_and_cured(theirs: TheirCassandra) -> None:
    theirs.as_administrator(
        "ALTER KEYSPACE penstock WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
    )
    (finding,) = found(theirs)
    assert finding.what.startswith("keyspace penstock has replication {'class': 'SimpleStrategy'")
    statement, repair = finding.cure.split("; ")
    assert repair == "nodetool repair -full penstock"
    theirs.as_administrator(statement)
    assert found(theirs) == []


def test_a_datacenter_without_nodes_is_named(theirs: TheirCassandra) -> None:
    said = {finding.what: finding.cure for finding in found(theirs, local_dc="europe")}
    assert said["no node is in the local datacenter europe"] == 'local_dc = "datacenter1" in [cassandra]'


def test_more_copies_than_nodes_stop_a_quorum(theirs: TheirCassandra) -> None:
    weights = {finding.what: finding.weight for finding in found(theirs, replication={"datacenter1": 3})}
    assert weights["datacenter datacenter1 has 1 node for 3 copies"] is Weight.WARNING
    assert weights["LOCAL_QUORUM needs 2 copies in datacenter datacenter1 to answer, and 1 node can"] is Weight.STOPS


def test_without_the_keyspace_it_says_who_may_make_it(theirs: TheirCassandra) -> None:
    theirs.as_administrator("DROP KEYSPACE penstock")
    (finding,) = (finding for finding in found(theirs) if finding.what.startswith("keyspace"))
    theirs.as_administrator(finding.cure)
    for grant in (finding.cure for finding in found(theirs)):
        theirs.as_administrator(grant)
    assert found(theirs) == []


def test_no_password_is_in_what_is_found(theirs: TheirCassandra) -> None:
    assert PASSWORD not in str([*examine(Config.model_validate({"cassandra": theirs.section}))])


@pytest.mark.slow
def test_each_role_does_its_own_work_and_not_that_of_others(theirs: TheirCassandra, tmp_path: Path) -> None:
    config = Config.model_validate({"state": tmp_path, "cassandra": theirs.section})
    theirs.as_administrator("CREATE TABLE penstock.tried (id int PRIMARY KEY)")
    for role in roles(config, []):
        if role.server == "cassandra" and role.name != "penstock":
            theirs.give_rights(role)
    read, write = "SELECT id FROM penstock.tried", "INSERT INTO penstock.tried (id) VALUES (1)"
    make, drop = "CREATE TABLE IF NOT EXISTS penstock.more (id int PRIMARY KEY)", "DROP TABLE IF EXISTS penstock.tried"
    assert refused(theirs, "penstock_writer", read, write, make, drop) == [read, make, drop]
    assert refused(theirs, "penstock_reader", read, write, make, drop) == [write, make, drop]
    other = "CREATE KEYSPACE other WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
    assert refused(theirs, "penstock", read, write, make, drop, other, "CREATE ROLE other") == [
        other,
        "CREATE ROLE other",
    ]


def refused(theirs: TheirCassandra, role: str, *statements: str) -> list[str]:
    """Run statements as a role; return those that it has no right to."""
    found = []
    for statement in statements:
        if not answered(partial(is_let, theirs, role, statement), CassandraUnreachable):
            found.append(statement)
    return found


def is_let(theirs: TheirCassandra, role: str, statement: str) -> bool:
    config = Config.model_validate({"cassandra": {**theirs.section, "user": role}})
    try:
        with open_session(config) as session:
            session.execute(statement)
    except CassandraRefused:
        return False
    return True
