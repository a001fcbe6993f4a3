"""`docker compose up`: users are loaded and the views are exact, also after kills, and after down and up."""

from __future__ import annotations

import psycopg2
import pytest
import requests
import yaml  # type: ignore[import-untyped]  # no stubs in the lock
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from penstock.cassandra.session import CassandraUnreachable, open_session
from penstock.clone import ROOT
from penstock.config import Config
from tests.compose.conftest import SECRETS, Containers, wait

SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
LASTING = [name for name, service in SERVICES.items() if service["restart"] == "unless-stopped"]
MORE = ["kafka-2", "kafka-3", "connect-2", "cassandra-2", "cassandra-3"]
QUICKLY_S = 10
MOVE = "UPDATE public.users SET country = '{0}' WHERE id IN (SELECT id FROM public.users ORDER BY id LIMIT 20)"


@pytest.mark.parametrize("file", ["zookeeper", "ha", "secure", "official"])
def test_compose_takes_the_files_that_go_with_it(containers: Containers, file: str) -> None:
    assert "kafka" in containers.with_files("docker-compose.yml", f"servers/compose/{file}.yml").services()


def test_the_host_sees_exact_views(containers: Containers) -> None:
    assert containers.verify().count("equal") == 4
    assert "cassandra-views-sink" in containers.penstock("connectors", "list")
    assert "value" in containers.penstock("topics", "tail", "views.users_by_id", "-n", "1")


def test_changed_rows_arrive(containers: Containers) -> None:
    containers.penstock("psql", "-c", MOVE.format("Atlantis"))
    assert containers.verify().count("equal") == 4
    query = "SELECT count(*) FROM penstock.users_by_country WHERE country = 'Atlantis'"
    assert "20" in containers.penstock("cqlsh", "-e", query)


def test_a_view_is_paused_and_all_are_rebuilt(containers: Containers) -> None:
    query = "SELECT count(*) FROM penstock.users_by_country WHERE country = 'Lemuria'"
    containers.penstock("views", "pause", "users_by_country")
    containers.penstock("psql", "-c", MOVE.format("Lemuria"))
    assert containers.verify().count("equal") == 3
    assert "20" not in containers.penstock("cqlsh", "-e", query)
    containers.penstock("views", "resume", "users_by_country")
    containers.run("run", "--rm", "-T", "setup", "views", "rebuild")
    assert "20" in containers.penstock("cqlsh", "-e", query)
    assert containers.verify().count("equal") == 4


@pytest.mark.parametrize("service", [*LASTING, "zookeeper", *MORE])
def test_a_killed_process_comes_back(containers: Containers, service: str) -> None:
    if not containers.has(service):
        pytest.skip("of --zookeeper, of --ha, or not of --secure")
    before = int(containers.inspect(service, "{{.RestartCount}}"))
    # All that the container's init has started: the server itself.
    containers.run("exec", "-T", service, "pkill", "-9", "-P", "1", check=False)
    containers.penstock("psql", "-c", MOVE.format(f"Killed {service}"), check=False)
    wait(lambda: int(containers.inspect(service, "{{.RestartCount}}")) > before, f"{service} is restarted")
    wait(lambda: containers.is_healthy(service), f"{service} answers again")


def test_a_secured_stack_lets_nobody_in_without_a_password(containers: Containers) -> None:
    if not containers.has("secrets"):
        pytest.skip("--secure")
    for port in (8081, 8083, 9021):
        assert (
            requests.get(f"https://127.0.0.1:{port}/", verify=str(SECRETS / "ca.pem"), timeout=QUICKLY_S).status_code
            == 401
        )
    assert requests.get("http://127.0.0.1:9090/json/", timeout=QUICKLY_S).status_code in {401, 403}
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect("host=127.0.0.1 user=postgres dbname=app password=wrong").close()
    with pytest.raises(KafkaException):
        AdminClient({"bootstrap.servers": "127.0.0.1:9092", "log_level": 0}).list_topics(timeout=QUICKLY_S)
    with pytest.raises(CassandraUnreachable), open_session(Config()):
        pass


@pytest.mark.parametrize("service", ["kafka", "connect", "cassandra", "spark-worker-1"])
def test_changes_arrive_while_one_of_several_is_away(containers: Containers, service: str) -> None:
    if not containers.has("kafka-2"):
        pytest.skip("there is one of each; --ha has several")
    containers.docker("kill", containers.id_of(service))
    try:
        containers.penstock("psql", "-c", MOVE.format(f"Without {service}"))
        assert containers.verify().count("equal") == 4
        assert containers.inspect(service, "{{.State.Status}}") == "exited"
    finally:
        containers.run("start", service)
    wait(lambda: containers.is_healthy(service), f"{service} answers again")
    assert containers.verify().count("equal") == 4


def test_after_all_kills_the_views_are_exact(containers: Containers) -> None:
    assert containers.verify().count("equal") == 4


def test_down_and_up_keep_the_data(containers: Containers) -> None:
    containers.run("down")
    containers.run("up", "-d")
    containers.wait_for_setup()
    assert containers.verify().count("equal") == 4
