"""What the layers share: the one stack that the e2e and fault tests run against."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from penstock.cassandra.session import open_session
from penstock.clone import ROOT
from penstock.config import load_config
from penstock.layout import Layout
from penstock.project.folders import Project
from tests.project import copy_project
from tests.stack import HA, KRAFT, PARTITIONED, SECURE, ZOOKEEPER, Ground, Stack, toml

# A busy machine is no fault: no test asserts a time.
settings.register_profile("penstock", deadline=None)
settings.load_profile("penstock")
# Cassandra's warnings of tombstones, one for each look at a table, bury what a failed test says.
logging.getLogger("cassandra.protocol").setLevel(logging.ERROR)
_LAST_LINES = 4


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a developer choose the stack that the tests run against."""
    parser.addoption("--running", action="store_true", help="use the stack that `penstock up` started, and leave it")
    parser.addoption("--zookeeper", action="store_true", help="start a stack whose Kafka is registered in ZooKeeper")
    parser.addoption("--partitioned", action="store_true", help="start a stack whose topics have three partitions")
    parser.addoption("--secure", action="store_true", help="start a stack with TLS and passwords on every hop")
    parser.addoption("--ha", action="store_true", help="start a stack with more than one of each")
    parser.addoption("--slow", action="store_true", help="run the tests marked slow too (`make test-all`)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what a newcomer has no time for."""
    if config.getoption("--slow"):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in slow]


def pytest_unconfigure() -> None:
    """Stop the session that tests have opened, before its JVM ends with this process: PySpark would complain."""
    pyspark = sys.modules.get("pyspark")
    if pyspark and (context := pyspark.SparkContext._active_spark_context):
        context.stop()


@pytest.fixture(scope="session")
def ground(request: pytest.FixtureRequest) -> Ground:
    """Return where the tests' stack lives."""
    if request.config.getoption("--zookeeper"):
        return ZOOKEEPER
    if request.config.getoption("--secure"):
        return SECURE
    if request.config.getoption("--ha"):
        return HA
    return PARTITIONED if request.config.getoption("--partitioned") else KRAFT


@pytest.fixture(scope="session")
def stack_environment(request: pytest.FixtureRequest, ground: Ground) -> dict[str, str]:
    """Return the environment in which every `penstock` command means the tests' stack."""
    if request.config.getoption("--running"):
        return dict(os.environ)
    (ROOT / ground.state).mkdir(exist_ok=True)
    copy_project(ROOT / ground.project)
    file = ROOT / f"{ground.state}.toml"
    file.write_text(toml(ground, metrics=request.config.getoption("--slow")))
    return {**os.environ, "PENSTOCK_CONFIG": str(file)}


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest, stack_environment: dict[str, str], ground: Ground) -> Iterator[Stack]:
    """Start the stack with the README's first command; stop it at the end."""
    if request.config.getoption("--running"):
        with open_session(load_config()) as session, ExitStack() as held:
            yield Stack(load_config(), stack_environment, session, held)
        return
    file = Path(stack_environment["PENSTOCK_CONFIG"])
    _penstock(stack_environment, "reset", "--yes")
    try:
        _penstock(stack_environment, *ground.up)
        config = load_config(file)  # a secured stack has its secrets only now
        with open_session(config) as session, ExitStack() as held:
            yield Stack(config, stack_environment, session, held)
    finally:
        _penstock(stack_environment, "down")


@pytest.fixture(scope="module")
def project(stack: Stack) -> Project:
    """Return the copy that the stack works on; the clone's own files must not change."""
    project = Project.of(stack.config)
    if project.root == ROOT:
        pytest.skip("the running stack works on the clone's own files: set `project` in its configuration")
    return project


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put beside the failure of a test on the stack what each part said last."""
    report = yield
    stack = getattr(item, "funcargs", {}).get("stack")
    if report.failed and isinstance(stack, Stack):
        report.sections.append(("what the parts said last", _last_words(Layout.of(stack.config))))
    return report


def _last_words(layout: Layout) -> str:
    logs = sorted(layout.log("any").parent.glob("*.log"))
    ends = ((log.stem, log.read_text(errors="replace").splitlines()[-_LAST_LINES:]) for log in logs)
    return "\n".join(f"{name}: {line[:300]}" for name, lines in ends for line in lines)


def _penstock(environment: dict[str, str], *arguments: str) -> None:
    command = [str(ROOT / ".venv/bin/penstock"), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=1200)
    print(done.stdout, done.stderr)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
