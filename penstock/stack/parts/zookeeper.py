"""ZooKeeper, one server of its own: it keeps the metadata of a Kafka that is not in KRaft mode."""

from __future__ import annotations

import socket

from penstock.clone import ROOT
from penstock.config import Config
from penstock.layout import SERVERS, Layout, render
from penstock.sections.kafka import ZooKeeper
from penstock.stack.mode import ZOOKEEPER_DATA
from penstock.stack.part import Part
from penstock.stack.parts.java import java

JARS = SERVERS / "kafka-3.9"
"""The last Kafka with a ZooKeeper mode, and the ZooKeeper that it brings along: one class path serves both."""

LOGGING = f"-Dlog4j.configuration=file:{ROOT / 'servers/kafka-3.9/log4j.properties'}"
_TIMEOUT_S = 2.0


def zookeeper(config: Config, layout: Layout) -> Part:
    """Return the part; `prepare` puts `myid` into its data folder, which says the mode of the stack from then on."""
    section = config.zookeeper
    return Part(
        name="zookeeper",
        command=java(
            "org.apache.zookeeper.server.quorum.QuorumPeerMain",
            str(layout.conf("zookeeper") / "zoo.cfg"),
            classpath=(JARS,),
            heap_mb=section.heap_mb,
            options=(LOGGING,),
        ),
        is_ready=lambda: _serves(section),
        prepare=lambda: _prepare(config, layout),
        host=section.host,
        runs=(JARS, ROOT / "servers/zookeeper"),
        ports={"zookeeper.port": section.port},
    )


def _prepare(config: Config, layout: Layout) -> None:
    data = layout.data(ZOOKEEPER_DATA)
    data.mkdir(parents=True, exist_ok=True)
    (data / "myid").write_text("1\n")
    render(
        ROOT / "servers/zookeeper/zoo.cfg",
        layout.conf("zookeeper") / "zoo.cfg",
        host=config.zookeeper.host,
        port=config.zookeeper.port,
        data=data,
    )


def _serves(section: ZooKeeper) -> bool:
    """Ask with the four letters `srvr`: the mode is in the answer of a server that serves, and of no other."""
    try:
        with socket.create_connection((section.host, section.port), timeout=_TIMEOUT_S) as connection:
            connection.sendall(b"srvr")
            return b"\nMode: " in connection.makefile("rb").read()
    except OSError:
        return False
