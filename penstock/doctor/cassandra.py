"""Cassandra: its nodes against the local datacenter, the replication and the consistency, and our role's rights."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from cassandra.cluster import Session
from cassandra.metadata import protect_name

from penstock.cassandra.schema import is_same, replication
from penstock.cassandra.session import CassandraRefused, open_session, our_errors
from penstock.config import Config
from penstock.doctor.clock import Clock, judge_clock, read_clock
from penstock.doctor.finding import Finding, cure_of_away, ok, stops, warning
from penstock.doctor.rights import cassandra_role, keyspace_made, keyspace_rights
from penstock.instances import at_hosts
from penstock.sections.cassandra import Cassandra as Section
from penstock.sizes import RECORD_BYTES

_OLDEST, _NEWEST = (4, 0), (5, 0)
_QUICKLY_S = 5
_MIB = 1024 * 1024
_SEGMENTS = ("commitlog_segment_size", "commitlog_segment_size_in_mb")
"""Half of it is the largest write; the second name is of 4.0."""
_ACKNOWLEDGED = {"ONE": 1, "LOCAL_ONE": 1, "TWO": 2, "THREE": 3}


@dataclass(frozen=True)
class Node:
    """A node of the cluster."""

    address: str
    datacenter: str
    version: str
    is_up: bool


@dataclass(frozen=True)
class Facts:
    """What the cluster says.

    :param replication: of our keyspace, as CQL; None where it is not there.
    :param rights: of our role, each with the resource that it is for; None where nobody is asked for rights.
    :param is_superuser: our role, which then needs no rights.
    :param segment_mib: of the commit log; None where we may not ask.
    """

    nodes: Sequence[Node]
    replication: str | None
    rights: Sequence[tuple[str, str]] | None
    is_superuser: bool
    segment_mib: int | None
    clock: Clock


def examine(config: Config) -> Iterator[Finding]:
    """Look at the cluster.

    :raises CassandraUnreachable, CassandraRefused: no node answers, or lets us in.
    """
    with open_session(config, everywhere=True) as session:
        facts = _ask(config, session)
    yield from judge(config, facts)


def judge(config: Config, facts: Facts) -> Iterator[Finding]:
    """Judge what the cluster says."""
    yield from _judge_nodes(config.cassandra, facts.nodes)
    yield from judge_datacenters(config.cassandra, facts.nodes)
    yield from _judge_keyspace(config, facts)
    yield from _judge_rights(config, facts)
    if facts.segment_mib is not None and facts.segment_mib * _MIB < 2 * RECORD_BYTES:
        yield stops(
            f"it takes writes of {facts.segment_mib / 2:g} MiB, and views have up to {RECORD_BYTES // _MIB}",
            f"commitlog_segment_size: {2 * RECORD_BYTES // _MIB}MiB in cassandra.yaml of each node, and restart it",
        )
    yield from judge_clock(facts.clock)


def _judge_nodes(section: Section, nodes: Sequence[Node]) -> Iterator[Finding]:
    versions = sorted({node.version for node in nodes})
    for version in versions:
        if _number(version) < _OLDEST:
            yield stops(f"Cassandra {version}: Penstock needs 4.0 or later", "upgrade it to 4.0, 4.1 or 5.0")
        elif _number(version) > _NEWEST:
            yield warning(f"Cassandra {version}: Penstock was tried with 4.0 to 5.0", "`penstock verify` says")
    away = [node.address for node in nodes if not node.is_up]
    ours = at_hosts("cassandra", section.own_hosts) if section.managed else {}
    if away:
        listed = ", ".join(f"{ours[address]} ({address})" if address in ours else address for address in away)
        cure = cure_of_away([ours[address] for address in away if address in ours])
        yield warning(f"nodes that do not answer: {listed}", cure if ours else "start them: nodetool status")
    yield ok(f"Cassandra {', '.join(versions)}, {len(nodes) - len(away)} of {len(nodes)} nodes are up")


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def judge_datacenters(section: Section, nodes: Sequence[Node]) -> Iterator[Finding]:
    """Say whether each datacenter has nodes enough for its copies and for the consistency."""
    there = Counter(node.datacenter for node in nodes)
    up = Counter(node.datacenter for node in nodes if node.is_up)
    if section.local_dc not in there:
        cure = " or ".join(f'local_dc = "{name}"' for name in sorted(there))
        yield stops(f"no node is in the local datacenter {section.local_dc}", f"{cure} in [cassandra]")
        return
    for name, copies in section.copies.items():
        if not there[name]:
            cure = f"name one of these in replication: {', '.join(sorted(there))}"
            yield stops(f"no node is in datacenter {name}, which has copies", cure)
        elif copies > there[name]:
            yield warning(
                f"datacenter {name} has {_nodes(there[name])} for {copies} copies",
                f"{name} = {there[name]} in replication of [cassandra], or more nodes",
            )
    yield from _judge_consistency(section, up)


def _judge_consistency(section: Section, up: Mapping[str, int]) -> Iterator[Finding]:
    level, copies = section.consistency, section.copies
    lacking = list(_lacking(section, up))
    for where, needed, found in lacking:
        yield stops(
            f"{level} needs {needed} copies in {where} to answer, and {_nodes(found)} can",
            "fewer copies or another consistency in [cassandra], or more nodes",
        )
    known = _ACKNOWLEDGED.get(level)
    counted = copies.get(section.local_dc, 0) if level.startswith("LOCAL_") else sum(copies.values())
    if known and 2 * known <= counted:
        yield warning(
            f"with {level} and {counted} copies a read may miss what was just written, and `penstock verify` with it",
            'consistency = "LOCAL_QUORUM" in [cassandra]',
        )
    elif not lacking:
        yield ok(f"{level} with {', '.join(f'{count} in {name}' for name, count in copies.items())}")


def _lacking(section: Section, up: Mapping[str, int]) -> Iterator[tuple[str, int, int]]:
    """Return where too few nodes are up: the place, how many copies must answer, how many nodes can."""
    copies, local = section.copies, section.local_dc
    per_place = {
        "LOCAL_QUORUM": {local: copies.get(local, 0) // 2 + 1},
        "EACH_QUORUM": {name: count // 2 + 1 for name, count in copies.items()},
        "ALL": copies,
        "LOCAL_ONE": {local: 1},
    }.get(section.consistency)
    if per_place is not None:
        for name, needed in per_place.items():
            if (can := min(up.get(name, 0), copies.get(name, 0))) < needed:
                yield f"datacenter {name}", needed, can
        return
    can = sum(min(up.get(name, 0), count) for name, count in copies.items())
    needed = _ACKNOWLEDGED.get(section.consistency, sum(copies.values()) // 2 + 1)
    if can < needed:
        yield "all datacenters", needed, can


def _nodes(count: int) -> str:
    return "1 node" if count == 1 else f"{count} nodes"


def _judge_keyspace(config: Config, facts: Facts) -> Iterator[Finding]:
    keyspace, wanted = config.names.keyspace, replication(config.cassandra)
    if facts.replication is None:
        if not _may(facts, "CREATE", "all keyspaces"):
            yield stops(
                f"keyspace {keyspace} is not there, and our role may not create it", f"{keyspace_made(config).text};"
            )
        else:
            yield ok(f"keyspace {keyspace} is not there yet: `penstock up` creates it")
    elif not is_same(facts.replication, wanted):
        yield stops(
            f"keyspace {keyspace} has replication {facts.replication}, and penstock.toml says {wanted}",
            f"ALTER KEYSPACE {protect_name(keyspace)} WITH replication = {wanted}; nodetool repair -full {keyspace}",
        )
    else:
        yield ok(f"keyspace {keyspace} has the replication that it should have")


def _judge_rights(config: Config, facts: Facts) -> Iterator[Finding]:
    resources = ("all keyspaces", f"keyspace {config.names.keyspace}")
    role = cassandra_role(config)
    missing = [
        stops(f"role {role} may not {right} in keyspace {config.names.keyspace}", f"{grant.text};")
        for right, grant in keyspace_rights(config).items()
        if not _may(facts, right, *resources)
    ]
    if facts.rights is None:
        yield ok("it asks nobody for rights")
    else:
        yield from missing or [ok(f"role {role} has its rights{' (a superuser)' * facts.is_superuser}")]


def _may(facts: Facts, right: str, *resources: str) -> bool:
    if facts.rights is None or facts.is_superuser:
        return True
    return any((f"<{resource}>", right) in facts.rights for resource in resources)


def _ask(config: Config, session: Session) -> Facts:
    metadata = session.cluster.metadata
    keyspace = metadata.keyspaces.get(config.names.keyspace)
    rights, is_superuser = _rights(config, session)
    return Facts(
        nodes=[
            # Until it was tried nobody knows.
            Node(str(host.address), str(host.datacenter), str(host.release_version), host.is_up is not False)
            for host in metadata.all_hosts()
        ],
        replication=keyspace and keyspace.replication_strategy.export_for_schema(),
        rights=rights,
        is_superuser=is_superuser,
        segment_mib=_segment_mib(config, session),
        clock=read_clock(lambda: _time(config, session)),
    )


def _rights(config: Config, session: Session) -> tuple[list[tuple[str, str]] | None, bool]:
    """Ask for the rights of our role, which may see its own; None where the server has no authorizer."""
    if config.cassandra.user is None:
        return None, False
    role = protect_name(config.cassandra.user)
    try:
        found = _execute(config, session, f"LIST ALL PERMISSIONS OF {role}")
        listed = _execute(config, session, f"LIST ROLES OF {role}")
    except CassandraRefused:
        return None, False
    is_superuser = any(row["super"] for row in listed)
    return [(row["resource"], row["permission"]) for row in found], is_superuser


def _segment_mib(config: Config, session: Session) -> int | None:
    names = ", ".join(f"'{name}'" for name in _SEGMENTS)
    asked = f"SELECT value FROM system_views.settings WHERE name IN ({names})"  # noqa: S608 - names of ours
    try:
        found = [row["value"] for row in _execute(config, session, asked)]
    except CassandraRefused:
        return None
    numbers = [int(number[0]) for value in found if value and (number := re.match(r"\d+", value))]
    return numbers[0] if numbers else None


def _time(config: Config, session: Session) -> float:
    (row,) = _execute(config, session, "SELECT toTimestamp(now()) AS now FROM system.local")
    return float(row["now"].replace(tzinfo=UTC).timestamp())


def _execute(config: Config, session: Session, statement: str) -> list[Any]:
    with our_errors(config.cassandra.address):
        return list(session.execute(statement, timeout=_QUICKLY_S))
