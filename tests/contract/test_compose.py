"""The containers are the local stack: the same parts and steps, in the same order, on the same ports, of one build."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # no stubs in the lock

from penstock.clone import ROOT
from penstock.config import Config, load_config
from penstock.instances import host_of, number_of
from penstock.profile import Profile
from penstock.project.workspace import Workspace
from penstock.sections.kafka import KafkaMode
from penstock.setup.steps import nodes
from penstock.stack.mode import ask_for
from penstock.stack.part import Step
from penstock.stack.parts.listeners import doors
from penstock.stack.ready import BUILDERS, part_of
from penstock.stack.stack import parts


def read(file: str) -> dict[str, dict[str, Any]]:
    """Return the services of a compose file."""
    services: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / file).read_text())["services"]
    return services


SERVICES = read("docker-compose.yml")
ZOOKEEPER = read("servers/compose/zookeeper.yml")
HA = read("servers/compose/ha.yml")
SECURE = read("servers/compose/secure.yml")
OFF = {name for name, service in SECURE.items() if "profiles" in service}
MORE = {name: service for name, service in HA.items() if name not in SERVICES}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
INSIDE = load_config(ROOT / "servers/compose/penstock.toml")
HOST = load_config(ROOT / "servers/compose/host.toml")
INSIDE_HA, HOST_HA = (
    load_config(ROOT / f"servers/compose/{file}.toml", profile=Profile.HA) for file in ("penstock", "host")
)
LASTING = [name for name, service in SERVICES.items() if service["restart"] == "unless-stopped"]
NODES = {node.name: node for node in nodes(Workspace(INSIDE))}


def node_of(service: str) -> str | None:
    """Return the part or step that a service runs; None for the one that waits for all of them."""
    words = SERVICES[service]["command"]
    return words[2] if words[0] == "part" else None


def services_of(node: str) -> set[str]:
    return {name for name in SERVICES if node_of(name) == node}


def waits_for(service: str) -> set[str]:
    direct = set(SERVICES[service].get("depends_on", {}))
    return direct.union(*(waits_for(name) for name in direct))


def test_each_part_has_a_container() -> None:
    missing = [part.name for part in parts(INSIDE) if not services_of(part.name)]
    assert missing == []
    assert len(services_of("spark-worker")) == 2


def test_a_container_runs_a_part_and_a_one_shot_takes_a_step() -> None:
    for name, service in SERVICES.items():
        if node_of(name) is not None:
            kind = NODES[service["command"][2]]
            assert service["command"][:2] == ["part", "step" if isinstance(kind, Step) else "run"], name


@pytest.mark.parametrize("service", [name for name in SERVICES if node_of(name)])
def test_a_container_waits_for_what_its_part_needs(service: str) -> None:
    node = NODES[node_of(service) or ""]
    for need in node.needs:
        if services_of(need):  # a step that has no container is taken by `setup`, as by `penstock up`
            assert waits_for(service) & services_of(need), f"{service} does not wait for {need}"


@pytest.mark.parametrize("service", LASTING)
def test_a_health_check_asks_the_part_by_its_protocol(service: str) -> None:
    assert SERVICES[service]["healthcheck"]["test"] == ["CMD", "python", "-m", "penstock.stack.ready", node_of(service)]


def test_a_health_check_builds_the_same_part() -> None:
    assert set(BUILDERS) == {part.name for part in parts(ask_for(INSIDE, KafkaMode.ZOOKEEPER))}
    for part in (*BUILDERS, *MORE):
        assert part_of(INSIDE_HA, part).name == part


def test_the_host_finds_each_part_at_its_usual_port_on_loopback() -> None:
    published = {port for service in SERVICES.values() for port in service.get("ports", [])}
    assert all(re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port) for port in published)
    usual = Config()
    for port in (
        usual.api.port,
        usual.postgres.port,
        usual.kafka.port,
        usual.registry.port,
        usual.connect.port,
        usual.spark.master_port,
        usual.spark.master_ui_port,
        usual.cassandra.port,
        usual.airflow.port,
        usual.console.port,
    ):
        assert f"127.0.0.1:{port}:{port}" in published
    assert HOST.kafka.bootstrap == f"127.0.0.1:{INSIDE.kafka.host_port}"


def test_each_part_is_found_at_the_name_of_its_service() -> None:
    sections = [section for section in INSIDE.model_dump().values() if isinstance(section, dict)]
    hosts = {section["host"] for section in sections if "host" in section}
    assert hosts <= {*SERVICES, *ZOOKEEPER}


@pytest.mark.parametrize("service", [*SERVICES, "zookeeper", *MORE, "secrets", "kafka-rights"])
def test_a_container_may_do_little(service: str) -> None:
    settings = next(file[service] for file in (SERVICES, ZOOKEEPER, HA, SECURE) if service in file)
    assert settings["read_only"] is True
    assert settings["cap_drop"] == ["ALL"]
    assert "container_name" not in settings
    assert "privileged" not in settings
    assert service not in LASTING or settings["mem_limit"]


def test_nothing_runs_as_root() -> None:
    last_user = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)
    assert last_user == ["10001:10001"]


def test_the_images_repeat_no_version() -> None:
    assert re.findall(r"\d+\.\d+|==|:\d+\b(?!:)", DOCKERFILE.replace("10001:10001", "")) == []


def test_every_image_is_a_target_of_the_dockerfile() -> None:
    stages = set(re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE))
    services = [*SERVICES.values(), *ZOOKEEPER.values(), *MORE.values()]
    images = {service["image"].removeprefix("penstock/") for service in services}
    assert images <= stages
    built = {service["build"]["target"] for service in services if "build" in service}
    assert built == images


def test_no_container_has_a_variable_that_penstock_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    services = [service for file in (SERVICES, ZOOKEEPER, HA, SECURE) for service in file.values()]
    given = {name: value for service in services for name, value in service.get("environment", {}).items()}
    assert [name for name in given if name.startswith("PENSTOCK_")]
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    load_config(ROOT / "servers/compose/penstock.toml")


def test_with_zookeeper_the_broker_waits_for_it_and_each_mode_knows_the_other() -> None:
    assert ZOOKEEPER["kafka"]["depends_on"] == {"zookeeper": {"condition": "service_healthy"}}
    assert ZOOKEEPER["zookeeper"]["command"] == ["part", "run", "zookeeper"]
    modes = [services["kafka"]["environment"]["PENSTOCK_KAFKA__MODE"] for services in (SERVICES, ZOOKEEPER)]
    assert modes == list(KafkaMode)
    # Data of either mode are where the other one's refusal looks for them.
    assert set(SERVICES["kafka"]["volumes"]) == set(ZOOKEEPER["zookeeper"]["volumes"])


def test_each_instance_of_the_profile_has_a_container() -> None:
    assert {part.name for part in parts(INSIDE_HA)} - {part.name for part in parts(INSIDE)} == set(MORE)
    for name, service in MORE.items():
        assert service["command"] == ["part", "run", name]
        assert service["healthcheck"]["test"] == ["CMD", "python", "-m", "penstock.stack.ready", name]


def test_every_container_has_the_profile() -> None:
    assert set(HA) == {*SERVICES, *MORE}
    for name, service in HA.items():
        assert service["environment"] == {"PENSTOCK_PROFILE": Profile.HA}, name


@pytest.mark.parametrize("service", MORE)
def test_another_instance_is_as_the_first_one(service: str) -> None:
    kind, number = number_of(service)
    first, other = SERVICES[kind], HA[service]
    for setting in ("image", "mem_limit", "restart", "stop_grace_period"):
        assert other[setting] == first[setting]
    assert other["ports"] == [port.replace("127.0.0.1", host_of("127.0.0.1", number)) for port in first["ports"]]
    assert other["volumes"] == [
        volume if volume.startswith("state:") else volume.replace(kind, service) for volume in first["volumes"]
    ]
    after = {f"cassandra-{number - 1}".removesuffix("-1")} if kind == "cassandra" else set(first.get("depends_on", {}))
    assert set(other.get("depends_on", {})) == after


def test_host_and_containers_name_the_same_instances() -> None:
    assert HOST_HA.kafka.bootstrap == "127.0.0.1:9092,127.0.0.2:9092,127.0.0.3:9092"
    assert INSIDE_HA.kafka.bootstrap == "kafka:19092,kafka-2:19092,kafka-3:19092"
    assert INSIDE_HA.cassandra.hosts == ("cassandra", "cassandra-2", "cassandra-3")
    assert doors(INSIDE_HA, 2)["advertised"] == "PLAINTEXT://kafka-2:19092,HOST://127.0.0.2:9092"


def test_a_volume_begins_as_a_folder_that_the_containers_may_write() -> None:
    services = (*SERVICES.values(), *MORE.values())
    covered = {
        volume.rpartition("/data/")[2] for service in services for volume in service["volumes"] if "/data/" in volume
    }
    lines = "\n".join(line for line in DOCKERFILE.splitlines() if "/data" in line or line.startswith("RUN for part"))
    assert covered - set(re.findall(r"[\w-]+", lines)) == set()


def test_a_secured_stack_lacks_airflow_alone() -> None:
    without = INSIDE.model_copy(update={"airflow": INSIDE.airflow.model_copy(update={"enabled": False})})
    assert {part.name for part in parts(INSIDE)} - {part.name for part in parts(without)} == OFF
    assert set(SECURE) == {*SERVICES, "secrets", "kafka-rights"}


def test_nothing_starts_before_the_secrets_are_made() -> None:
    merged = {
        name: {**SERVICES.get(name, {}).get("depends_on", {}), **SECURE[name].get("depends_on", {})} for name in SECURE
    }

    def waits_for_secrets(service: str) -> bool:
        return service == "secrets" or any(map(waits_for_secrets, merged[service]))

    assert [name for name in SECURE if name not in OFF and not waits_for_secrets(name)] == []


def test_the_users_of_a_secured_broker_have_their_rights_before_they_come() -> None:
    assert SECURE["kafka-rights"]["command"] == ["part", "step", "kafka-rights"]
    assert "kafka-rights" in SECURE["topics"]["depends_on"]
    settings = {str(service["environment"]) for name, service in SECURE.items() if name not in OFF}
    assert len(settings) == 1


def test_the_official_images_are_of_the_versions_that_are_pinned() -> None:
    pinned = (ROOT / "servers/pom.xml").read_text()
    services = read("servers/compose/official.yml")
    for part in ("postgres", "kafka", "cassandra"):
        version = services[part]["image"].partition(":")[2]
        assert re.search(rf"<{part}.version>{re.escape(version)}(\.0)?</{part}.version>", pinned), part
