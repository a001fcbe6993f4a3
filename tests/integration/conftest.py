"""A real Postgres for the integration tests, on a port and in a folder of its own."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator

import pytest

from penstock.config import Config
from penstock.layout import Layout
from penstock.project.workspace import Workspace
from penstock.sections.postgres import Postgres
from penstock.setup.actions import create_tables
from penstock.stack.parts.postgres import postgres
from penstock.wait import wait_until
from tests.integration import source_alone
from tests.patience import PATIENCE_S


@pytest.fixture(autouse=True)
def no_source_left() -> Iterator[None]:
    yield
    source_alone.end_all()


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """Run a Postgres of its own, set up as `penstock up` does."""
    state = tmp_path_factory.mktemp("postgres")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    config = Config(state=state, postgres=Postgres(port=port))
    part = postgres(config, Layout.of(config))
    part.prepare()
    with (state / "postgres.log").open("wb") as log:
        process = subprocess.Popen(part.command, stdout=log, stderr=log)
    try:
        wait_until(part.is_ready, timeout_s=PATIENCE_S, what="Postgres answers", log=state / "postgres.log")
        create_tables(Workspace(config))
        yield config
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
