"""The quickstart of the sink's zip, command by command, with plain Kafka and Cassandra and nothing of Penstock."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from penstock.clone import ROOT
from penstock.config import Config, load_config
from penstock.layout import SERVERS
from penstock.wait import wait_until
from tests.integration.servers import started, written
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.slow

WORKER_PORT = 27284
TOOLS = {
    "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
    "kafka-console-producer.sh": "org.apache.kafka.tools.ConsoleProducer",
    "connect-standalone.sh": "org.apache.kafka.connect.cli.ConnectStandalone",
}
TOOL = '#!/bin/sh\nexec java -Xmx256m -cp "{jars}/*" {main} "$@"\n'
# Cassandra's own shell is no part of the jars that the tests have.
CQLSH = """#!{python}
import sys
from cassandra.cluster import Cluster
host, port, _, statement = sys.argv[1:]
with Cluster([host], port=int(port), connect_timeout=120, control_connection_timeout=120) as cluster:
    for row in cluster.connect().execute(statement, timeout=120):
        print(*row)
"""


WORKERS = sorted((SERVERS / "matrix").glob("connect-*[0-9]"))
"""Connects of other versions that `make sink-matrix` has fetched."""


@pytest.fixture(scope="module")
def release() -> Path:
    """Build the release as its maker does."""
    subprocess.run(["make", "sink-release"], cwd=ROOT, check=True)
    return ROOT / "connect/cassandra-sink/target/release"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Config]:
    """Run a Kafka and a Cassandra."""
    monkeypatch.delenv("PENSTOCK_CONFIG", raising=False)
    loaded = load_config(written(tmp_path, "kafka", "cassandra"))
    with started(loaded, "kafka", "cassandra"):
        yield loaded


def _tools(folder: Path, worker: Path) -> Path:
    folder.mkdir()
    jars = {name: worker if name.startswith("connect-") else SERVERS / "kafka" for name in TOOLS}
    scripts = {name: TOOL.format(jars=jars[name], main=main) for name, main in TOOLS.items()}
    for name, text in {**scripts, "cqlsh": CQLSH.format(python=sys.executable)}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def _commands(release: Path, config: Config) -> list[str]:
    """Return the blocks of the quickstart in the zip, with the addresses of this test."""
    (archive,) = release.glob("*.zip")
    with zipfile.ZipFile(archive) as content:
        (name,) = (each for each in content.namelist() if each.endswith("doc/QUICKSTART.md"))
        text = content.read(name).decode()
    cassandra = config.cassandra
    for usual, ours in {
        "localhost:9092": config.kafka.bootstrap,
        "127.0.0.1:9042": f"{cassandra.host}:{cassandra.port}",
        "127.0.0.1 9042": f"{cassandra.host} {cassandra.port}",
        "127.0.0.1:8083": f"127.0.0.1:{WORKER_PORT}",
    }.items():
        assert usual in text
        text = text.replace(usual, ours)
    return re.findall(r"```sh\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("jars", [SERVERS / "kafka", *WORKERS], ids=lambda jars: jars.name)
def test_the_quickstart_of_the_zip_leads_to_a_row(release: Path, config: Config, tmp_path: Path, jars: Path) -> None:
    folder = tmp_path / "stranger"
    folder.mkdir()
    for archive in release.glob("*.zip"):
        shutil.copy(archive, folder)
    environment = {**os.environ, "PATH": f"{_tools(tmp_path / 'bin', jars)}:{os.environ['PATH']}"}
    *steps, question = _commands(release, config)
    script = "set -e\n" + "\n".join(steps) + "\nwait\n"
    worker = subprocess.Popen(["bash", "-c", script], cwd=folder, env=environment, start_new_session=True)

    def answer() -> str:
        assert worker.poll() is None, (folder / "connect.log").read_text()
        asked = subprocess.run(["bash", "-c", question], cwd=folder, env=environment, capture_output=True, text=True)
        return asked.stdout

    try:
        wait_until(
            lambda: answer() == "o-2 7.5 Main Street 2\n",
            timeout_s=PATIENCE_S,
            what="the quickstart's rows",
            log=folder / "connect.log",
        )
    finally:
        with suppress(ProcessLookupError):  # A step failed, and why is in its output.
            os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


def test_the_release_says_what_is_in_it(release: Path) -> None:
    (archive,) = release.glob("*.zip")
    (checksum,) = release.glob("*.sha256")
    assert checksum.read_text() == f"{hashlib.sha256(archive.read_bytes()).hexdigest()}  {archive.name}\n"
    (listing,) = release.glob("*.cdx.json")
    bill = json.loads(listing.read_text())
    product, parts = bill["metadata"]["component"], bill["components"]
    assert f"{product['name']}-{product['version']}.zip" == archive.name
    with zipfile.ZipFile(archive) as content:
        jars = {name.rsplit("/", 1)[1] for name in content.namelist() if name.endswith(".jar")}
    assert {f"{part['name']}-{part['version']}.jar" for part in parts} == jars
    assert all(part["licenses"] and part["hashes"] for part in parts)
