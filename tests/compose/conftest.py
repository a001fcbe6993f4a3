"""The pipeline in containers: brought up from the repository, with clients on the host."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from penstock.clone import ROOT

PROJECT = "penstock-test"
WITH_ZOOKEEPER = ("docker-compose.yml", "servers/compose/zookeeper.yml")
WITH_HA = ("docker-compose.yml", "servers/compose/ha.yml")
WITH_SECURE = ("docker-compose.yml", "servers/compose/secure.yml")
_HOST_HAS: dict[tuple[str, ...], dict[str, str]] = {
    WITH_HA: {"PENSTOCK_PROFILE": "ha"},
    WITH_SECURE: {"PENSTOCK_AIRFLOW__ENABLED": "false"},
}
SECRETS = ROOT / "var-compose/secrets"
"""What the host has of a secured stack; while it is there, the host's client takes the stack for one."""
_USERS = """
INSERT INTO public.users (id, email, first_name, last_name, registered, country)
SELECT gen_random_uuid(), 'user@example.com', 'Some', 'User', '2022-02-02', 'Here' FROM generate_series(1, 1000)
"""
UP_WITHIN_S = 1800
_POLL_S = 2


@dataclass(frozen=True)
class Containers:
    """The containers of one project, and `penstock` on their host."""

    tool: tuple[str, ...]
    files: tuple[str, ...] = ("docker-compose.yml",)

    def run(self, *arguments: str, check: bool = True) -> str:
        """Run the compose tool; return what it printed."""
        files = [word for file in self.files for word in ("-f", file)]
        return _run([*self.tool, *files, "-p", PROJECT, *arguments], check=check)

    def with_files(self, *files: str) -> Containers:
        """Return the same with other files."""
        return replace(self, files=files)

    def docker(self, *arguments: str) -> str:
        """Run the docker client; return what it printed."""
        return _run(["docker", *arguments])

    def penstock(self, *arguments: str, check: bool = True) -> str:
        """Run a command of ours on the host, against the published ports."""
        return _run([str(ROOT / ".venv/bin/penstock"), *arguments], check=check, **_HOST_HAS.get(self.files, {}))

    def services(self) -> set[str]:
        """Return the names of all services, also of those that a profile turns off."""
        return set(self.run("config", "--services").split())

    def has(self, service: str) -> bool:
        """Return whether a service has a container."""
        return bool(self.run("ps", "-a", "-q", service, check=False).strip())

    def verify(self) -> str:
        """Compare the databases from inside, where the progress of the aggregates is known; return the table."""
        # Without what it depends on: that would start what a test has stopped.
        return self.run("run", "--rm", "-T", "--no-deps", "setup", "verify")

    def id_of(self, service: str) -> str:
        """Return the container of a service, also when it has ended."""
        (found,) = self.run("ps", "-a", "-q", service).split()
        return found

    def inspect(self, service: str, template: str) -> str:
        """Return one word of what the engine knows of a service's container."""
        return self.docker("inspect", "-f", template, self.id_of(service)).strip()

    def is_healthy(self, service: str) -> bool:
        """Return whether the health check of a service says so."""
        return self.inspect(service, "{{.State.Health.Status}}") == "healthy"

    def let_host_in(self) -> None:
        """Take the secrets out of the containers' volume, as docs/compose.md says."""
        SECRETS.parent.mkdir(exist_ok=True)
        self.docker("cp", f"{self.id_of('setup')}:/var/lib/penstock/secrets", str(SECRETS))
        self.penstock("part", "secrets")

    def wait_for_setup(self) -> None:
        """Wait until the set-up has ended well: all parts answer, the users are loaded, verify found all equal."""
        wait(lambda: self.inspect("setup", "{{.State.Status}} {{.State.ExitCode}}") == "exited 0", "setup ends with 0")


def wait(condition: Callable[[], bool], what: str, within_s: float = UP_WITHIN_S) -> None:
    """Wait for a condition; fail at the deadline."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(_POLL_S)


def _run(command: list[str], *, check: bool = True, **settings: str) -> str:
    environment = {
        **os.environ,
        **settings,
        "PENSTOCK_CONFIG": "servers/compose/host.toml",
        "COMPOSE_DOCKER_CLI_BUILD": "1",
        "DOCKER_BUILDKIT": "1",
        # docker-compose 1.29 gives up after a minute by itself, and a busy engine takes longer to create a container.
        "COMPOSE_HTTP_TIMEOUT": str(UP_WITHIN_S),
    }
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or not check, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def containers(request: pytest.FixtureRequest) -> Iterator[Containers]:
    """Build the images, bring everything up, and take all of it away at the end."""
    tool = ("docker-compose",) if shutil.which("docker-compose") else ("docker", "compose")
    found = Containers(tool)
    if request.config.getoption("--zookeeper"):
        found = found.with_files(*WITH_ZOOKEEPER)
    if request.config.getoption("--ha"):
        found = found.with_files(*WITH_HA)
    if request.config.getoption("--secure"):
        found = found.with_files(*WITH_SECURE)
    found.run("down", "--volumes", check=False)
    shutil.rmtree(SECRETS, ignore_errors=True)
    try:
        found.run("up", "-d", "--build")
        found.wait_for_setup()
        if found.files == WITH_SECURE:
            found.let_host_in()
            found.penstock("psql", "-c", _USERS)
        yield found
    finally:
        shutil.rmtree(SECRETS, ignore_errors=True)
        print(found.run("logs", "--tail", "15", check=False))
        found.run("down", "--volumes", check=False)
