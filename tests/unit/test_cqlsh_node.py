"""The node that `penstock cqlsh` opens: one that takes connections, whichever is away."""

from __future__ import annotations

import socket

from penstock.cli.clients import _node
from penstock.sections.cassandra import Cassandra


def test_a_node_that_is_there_is_asked() -> None:
    with socket.create_server(("127.0.0.2", 0)) as server:
        port = server.getsockname()[1]
        assert _node(Cassandra(nodes=3, port=port)) == "127.0.0.2"
    assert _node(Cassandra(nodes=3, port=port)) == "127.0.0.1"


def test_those_of_others_are_known_by_their_contact_points() -> None:
    with socket.create_server(("127.0.0.3", 0)) as server:
        section = Cassandra(managed=False, contact_points=("127.0.0.2", "127.0.0.3"), port=server.getsockname()[1])
        assert _node(section) == "127.0.0.3"
