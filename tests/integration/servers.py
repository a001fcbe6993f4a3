"""Parts of the stack as processes of a test, without the supervisor."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from penstock.config import Config
from penstock.layout import Layout
from penstock.project.workspace import Workspace
from penstock.setup import actions as setup
from penstock.stack.part import Part
from penstock.stack.stack import all_of, parts
from penstock.stack.start import START_TIMEOUT_S
from penstock.wait import wait_until

_PORTS = {
    "postgres": ("postgres.port",),
    "kafka": ("kafka.port", "kafka.controller_port"),
    "registry": ("registry.port",),
    "connect": ("connect.port",),
    "cassandra": ("cassandra.port", "cassandra.storage_port"),
}


def written(folder: Path, *names: str, more: str = "") -> Path:
    """Write a configuration whose state is in the folder and whose named parts have free ports.

    :param more: what it says besides.
    """
    settings = [setting for name in names for setting in _PORTS[name]]
    ports = [f"{setting} = {port}" for setting, port in zip(settings, free_ports(len(settings)), strict=True)]
    file = folder / "penstock.toml"
    file.write_text("\n".join([f'state = "{folder / "var"}"', *ports, more]))
    return file


@contextmanager
def started_behind(config: Config, *names: str) -> Iterator[None]:
    """Run parts of the stack behind a Postgres that has the tables and a Kafka that has the topics."""
    with started(config, "postgres", "kafka"):
        setup.create_tables(Workspace(config))
        setup.create_topics(Workspace(config))
        with started(config, *names):
            yield


@contextmanager
def started_with_tables(config: Config, *names: str) -> Iterator[None]:
    """Run parts of the stack beside a Postgres and a Cassandra, both with their tables."""
    with started(config, "postgres", "cassandra", *names):
        setup.create_tables(Workspace(config))
        setup.create_view_tables(Workspace(config))
        yield


@contextmanager
def started(config: Config, *names: str) -> Iterator[None]:
    """Run parts of the stack, each from when the one before it answers, until the block ends."""
    by_name = {part.name: part for part in parts(config)}
    with ExitStack() as running:
        for name in names:
            running.enter_context(_running(by_name[name], config))
        yield


@contextmanager
def started_together(config: Config, kind: str) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Run every instance of a kind of part, each from when those that go before it answer; yield their processes."""
    parts_of_kind = {part.name: part for part in parts(config) if part.name in all_of(config, (kind,))}
    with ExitStack() as running:
        processes = {}
        for name, part in parts_of_kind.items():
            for before in part.starts_after:
                _wait_until_ready(parts_of_kind[before], config)
            processes[name] = running.enter_context(_launched(part, config))
        for part in parts_of_kind.values():
            _wait_until_ready(part, config)
        yield processes


@contextmanager
def _running(part: Part, config: Config) -> Iterator[None]:
    """Run a part in a process group of its own until the block ends."""
    with _launched(part, config):
        _wait_until_ready(part, config)
        yield


def _wait_until_ready(part: Part, config: Config) -> None:
    log = Layout.of(config).log(part.name)
    wait_until(part.is_ready, timeout_s=START_TIMEOUT_S, what=f"{part.name} answers", log=log)


@contextmanager
def _launched(part: Part, config: Config) -> Iterator[subprocess.Popen[bytes]]:
    layout = Layout.of(config)
    log = layout.log(part.name)
    log.parent.mkdir(parents=True, exist_ok=True)
    layout.temporary(part.name).mkdir(parents=True, exist_ok=True)
    part.prepare()
    with log.open("ab") as output:
        process = subprocess.Popen(
            part.command,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **layout.temporary_environment(part.name), **part.environment()},
        )
    try:
        yield process
    finally:
        stop(process, part)


def stop(process: subprocess.Popen[bytes], part: Part) -> None:
    """End it as the supervisor does: its signal, its patience, then the whole group with -9; a test may have before."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.Signals[f"SIG{part.stop_signal}"])
    try:
        process.wait(part.stop_wait_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def free_port() -> int:
    """Return a port that nobody listens on."""
    (port,) = free_ports(1)
    return port


def free_ports(count: int) -> list[int]:
    """Return so many of them."""
    with ExitStack() as held:
        listeners = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [listener.getsockname()[1] for listener in listeners]
