"""What is made of a Cassandra's nodes, copies and consistency."""

from __future__ import annotations

import pytest

from penstock.config import Config
from penstock.doctor.cassandra import Facts, Node, judge
from penstock.doctor.clock import Clock
from penstock.doctor.finding import Finding, Weight

REPLICATION = "{'class': 'NetworkTopologyStrategy', 'dc1': '3'}"
ALL = [("<keyspace penstock>", right) for right in ("CREATE", "ALTER", "DROP", "SELECT", "MODIFY")]


def nodes(up: int, down: int = 0, datacenter: str = "dc1", version: str = "5.0.9") -> list[Node]:
    return [Node(f"10.0.0.{number}", datacenter, version, number < up) for number in range(up + down)]


def said(
    found: list[Node], *, copies: dict[str, int] | None = None, consistency: str = "LOCAL_QUORUM", **more: object
) -> list[Finding]:
    copies = copies or {"dc1": 3}
    section = {
        "managed": False,
        "user": "penstock",
        "local_dc": "dc1",
        "replication": copies,
        "consistency": consistency,
    }
    options = "".join(f", '{name}': '{count}'" for name, count in copies.items())
    known = {
        "replication": f"{{'class': 'NetworkTopologyStrategy'{options}}}",
        "rights": ALL,
        "is_superuser": False,
        "segment_mib": 32,
        "clock": Clock(0.0, 0.01),
    }
    facts = Facts(nodes=found, **{**known, **more})  # type: ignore[arg-type]
    config = Config.model_validate({"cassandra": section})
    return [finding for finding in judge(config, facts) if finding.weight is not Weight.OK]


def test_three_nodes_with_three_copies_are_well() -> None:
    assert said(nodes(3)) == []


def test_a_node_that_is_down_is_a_warning_and_two_stop_a_quorum() -> None:
    (away,) = said(nodes(2, 1))
    assert (away.weight, away.what) == (Weight.WARNING, "nodes that do not answer: 10.0.0.2")
    assert Weight.STOPS in [finding.weight for finding in said(nodes(1, 2))]


@pytest.mark.parametrize(
    ("consistency", "up", "weights"),
    [
        ("LOCAL_QUORUM", 2, []),
        ("QUORUM", 2, []),
        ("EACH_QUORUM", 2, []),
        ("ALL", 2, [Weight.STOPS]),
        ("THREE", 2, [Weight.STOPS]),
        ("TWO", 2, []),
        ("ONE", 3, [Weight.WARNING]),
        ("LOCAL_ONE", 3, [Weight.WARNING]),
    ],
)
def test_each_consistency_needs_its_nodes(consistency: str, up: int, weights: list[Weight]) -> None:
    found = said(nodes(up, 3 - up), consistency=consistency)
    assert [finding.weight for finding in found if "do not answer" not in finding.what] == weights


def test_one_copy_needs_no_quorum() -> None:
    assert said(nodes(1), copies={"dc1": 1}, consistency="ONE") == []


def test_copies_in_a_datacenter_without_nodes_stop() -> None:
    found = said(nodes(3), copies={"dc1": 3, "dc2": 3})
    assert "no node is in datacenter dc2, which has copies" in [finding.what for finding in found]


def test_a_local_datacenter_without_nodes_is_said_with_those_that_have_some() -> None:
    found = said([*nodes(1, datacenter="east"), *nodes(1, datacenter="west")])
    assert found[0].cure == 'local_dc = "east" or local_dc = "west" in [cassandra]'


@pytest.mark.parametrize(
    ("version", "weights"),
    [("3.11.19", [Weight.STOPS]), ("4.0.0", []), ("4.1.10", []), ("5.0.9", []), ("5.1-beta1", [Weight.WARNING])],
)
def test_versions_from_4_0_to_5_0_are_known(version: str, weights: list[Weight]) -> None:
    assert [finding.weight for finding in said(nodes(3, version=version))] == weights


def test_a_right_on_all_keyspaces_counts_and_a_superuser_needs_none() -> None:
    assert said(nodes(3), rights=[("<all keyspaces>", right) for _, right in ALL]) == []
    assert said(nodes(3), rights=[], is_superuser=True) == []
    assert len(said(nodes(3), rights=[])) == len(ALL)


def test_a_keyspace_that_nobody_may_make_is_said_with_its_statement() -> None:
    (finding,) = said(nodes(3), replication=None)
    assert finding.cure == f"CREATE KEYSPACE IF NOT EXISTS penstock WITH replication = {REPLICATION};"
    assert said(nodes(3), replication=None, rights=[*ALL, ("<all keyspaces>", "CREATE")]) == []


def test_a_commit_log_that_takes_no_large_write_stops() -> None:
    (finding,) = said(nodes(3), segment_mib=16)
    assert finding.what == "it takes writes of 8 MiB, and views have up to 16"


def test_another_clock_is_a_warning_and_a_slow_answer_is_none() -> None:
    (finding,) = said(nodes(3), clock=Clock(-3.0, 0.1))
    assert finding.what.startswith("its clock is 3.0 s behind this machine's")
    assert said(nodes(3), clock=Clock(-3.0, 2.5)) == []


def test_a_node_of_ours_that_is_down_is_named() -> None:
    ours = Config.model_validate({"cassandra": {"nodes": 3}})
    found = [Node(f"127.0.0.{number}", "datacenter1", "5.0.9", number != 2) for number in (1, 2, 3)]
    copies = "{'class': 'NetworkTopologyStrategy', 'datacenter1': '3'}"
    facts = Facts(found, copies, None, is_superuser=False, segment_mib=32, clock=Clock(0.0, 0.01))
    (away,) = [finding for finding in judge(ours, facts) if finding.weight is not Weight.OK]
    assert (away.weight, away.what) == (Weight.WARNING, "nodes that do not answer: cassandra-2 (127.0.0.2)")
    assert "`penstock logs cassandra-2`" in away.cure
