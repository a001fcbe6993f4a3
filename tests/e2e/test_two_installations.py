"""A second installation on the same Postgres, Kafka, registry, Connect, Spark and Cassandra: the two do not meet."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from penstock.clone import ROOT
from penstock.config import load_config
from penstock.connect.api import ConnectApi, State
from penstock.connect.place import ask
from penstock.registry.client import RegistryClient
from penstock.topics.admin import TopicAdmin
from penstock.wait import wait_until
from tests.e2e.oracle import wait_until_exact
from tests.integration.servers import free_port
from tests.patience import PATIENCE_S
from tests.stack import INSERT, Stack

pytestmark = pytest.mark.slow

UP_S = 1200
PARTS = ("postgres", "kafka", "registry", "connect", "spark", "cassandra")
PREFIX = "orders-"


def written(stack: Stack, state: Path) -> str:
    """Write the configuration of an installation with another name on the servers of the stack."""
    config = stack.config
    ports = {
        "postgres": {"port": config.postgres.port},
        "kafka": {"port": config.kafka.port},
        "registry": {"port": config.registry.port},
        "connect": {"port": config.connect.port},
        "spark": {"master_port": config.spark.master_port, "master_ui_port": config.spark.master_ui_port},
        "cassandra": {"port": config.cassandra.port},
    }
    lines = ['name = "orders"', f'state = "{state}"', f'project = "{config.project}"', "[airflow]", "enabled = false"]
    lines += ["[console]", f"port = {free_port()}"]
    for part in PARTS:
        lines += [f"[{part}]", "managed = false", *(f"{key} = {port}" for key, port in ports[part].items())]
    return "\n".join(lines) + "\n"


class Second:
    """The second installation."""

    def __init__(self, stack: Stack, file: Path) -> None:
        environment = {**os.environ, "PENSTOCK_CONFIG": str(file)}
        self.stack = replace(stack, config=load_config(file), environment=environment)

    def run(self, *arguments: str, check: bool = True) -> str:
        """Run a command of Penstock's for it and return what it prints."""
        command = [str(Path(sys.executable).with_name("penstock")), *arguments]
        done = subprocess.run(
            command, env=self.stack.environment, cwd=ROOT, capture_output=True, text=True, timeout=UP_S, check=False
        )
        assert not check or done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def is_there(self) -> list[str]:
        """Name what the servers hold of it."""
        names, config = self.stack.config.names, self.stack.config
        with ConnectApi(config.connect.url) as api, RegistryClient(config.registry.url) as registry:
            found = [*api.connectors(), *TopicAdmin(config.kafka.bootstrap).topics(), *registry.subjects()]
        return [name for name in found if name.startswith((PREFIX, f"{names.topic_prefix}."))]

    def remove(self) -> None:
        """Do what `penstock reset` says, in the servers."""
        names, config = self.stack.config.names, self.stack.config
        with ConnectApi(config.connect.url) as api:
            for name in {names.source_connector, names.sink} & {*api.connectors()}:
                _forget(api, name)
        active = f"SELECT 1 FROM pg_replication_slots WHERE slot_name = '{names.slot}' AND active"
        wait_until(lambda: not self.stack.sql(active), timeout_s=PATIENCE_S, what="Postgres has let go of the slot")
        self.stack.sql(
            f"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '{names.slot}'"
        )
        self.stack.sql(f"DROP PUBLICATION IF EXISTS {names.publication}")
        self.stack.sql(f"DROP SCHEMA IF EXISTS {names.schema} CASCADE")
        self.stack.cassandra.execute(f"DROP KEYSPACE IF EXISTS {names.keyspace}", timeout=60)
        topics = [*self.is_there(), names.notifications_topic, names.heartbeat_topic]
        with RegistryClient(config.registry.url) as registry:
            for subject in {*registry.subjects()} & {*topics}:
                registry.delete_subject(subject)
        admin = TopicAdmin(config.kafka.bootstrap)
        admin.delete([name for name in topics if name in admin.topics()])


def _forget(api: ConnectApi, name: str) -> None:
    """Delete a connector with its offsets, which the worker would keep for another one of that name."""
    api.stop(name)
    wait_until(
        lambda: api.status(name).connector.state == State.STOPPED, timeout_s=PATIENCE_S, what=f"{name} is stopped"
    )
    ask(lambda: api.delete_offsets(name), what=f"the offsets of {name} are deleted")
    api.delete(name)


@pytest.fixture(scope="module")
def second(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Second]:
    folder = tmp_path_factory.mktemp("e2e-second")
    file = folder / "penstock.toml"
    file.write_text(written(stack, folder / "orders"))
    second = Second(stack, file)
    try:
        second.run("up")
        yield second
    finally:
        second.run("down", check=False)
        second.remove()


def change(stack: Stack, country: str) -> None:
    """Add users, move and delete some."""
    for _ in range(10):
        stack.sql(INSERT.replace("%s", "gen_random_uuid()", 1), country)
    stack.sql("UPDATE public.users SET country = %s WHERE id IN (SELECT id FROM public.users LIMIT 5)", country)
    stack.sql("DELETE FROM public.users WHERE id IN (SELECT id FROM public.users WHERE country <> %s LIMIT 3)", country)


def test_both_hold_the_table_and_follow_its_changes(stack: Stack, second: Second) -> None:
    wait_until_exact(second.stack)
    change(stack, "Both")
    wait_until_exact(second.stack)
    wait_until_exact(stack)


def test_both_are_verified_and_well(stack: Stack, second: Second) -> None:
    second.run("verify")
    stack.penstock("verify")
    said = second.run("status", check=False)
    assert "slot orders" in said
    assert "slot penstock" not in said


def test_a_view_that_one_has_paused_flows_in_the_other(stack: Stack, second: Second) -> None:
    second.run("views", "pause", "users_by_country")
    change(stack, "Paused")
    wait_until_exact(stack)
    second.run("views", "resume", "users_by_country")
    wait_until_exact(second.stack)


def test_a_rebuild_of_one_leaves_the_epoch_of_the_other(stack: Stack, second: Second) -> None:
    epoch = "SELECT epoch FROM penstock.installation"
    before = stack.sql(epoch)
    second.run("views", "rebuild")
    assert stack.sql(epoch) == before
    change(stack, "Again")
    wait_until_exact(second.stack)
    wait_until_exact(stack)


def test_another_name_in_the_same_folder_is_refused(second: Second) -> None:
    environment = {**second.stack.environment, "PENSTOCK_NAME": "others"}
    command = [str(Path(sys.executable).with_name("penstock")), "up"]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=UP_S, check=False)
    assert done.returncode == 1
    assert "belongs to the installation orders" in done.stderr


def test_what_reset_says_removes_one_and_leaves_the_other(stack: Stack, second: Second) -> None:
    """The last test of this file: the second installation is gone after it."""
    said = second.run("reset", "--yes")
    for line in ("pg_drop_replication_slot('orders')", "DROP SCHEMA orders CASCADE", "DROP KEYSPACE orders"):
        assert line in said
    second.remove()
    wait_until(lambda: not second.is_there(), timeout_s=PATIENCE_S, what="nothing of it is left")
    change(stack, "Alone")
    wait_until_exact(stack)
    stack.penstock("verify")
