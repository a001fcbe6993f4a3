"""A registry of which only Confluent's API can be reached, at the root, with TLS and a token; not Apicurio's own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import pytest
import requests

from penstock.clone import ROOT
from penstock.config import Config, load_config
from penstock.doctor import registry as doctor
from penstock.doctor.finding import Weight
from penstock.project.connectors import declared_connectors
from penstock.project.workspace import Workspace
from penstock.registry.apply import release_cdc_subjects
from penstock.registry.client import Compatibility, RegistryClient
from penstock.setup import actions as setup
from tests.integration import guarded
from tests.integration.certificates import Certificates
from tests.integration.servers import started, written
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.slow

Probe = Callable[..., str]
_PREFIX = "value.converter."


@pytest.fixture(scope="module")
def inner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """Run our own registry."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PENSTOCK_CONFIG", raising=False)
        config = load_config(written(tmp_path_factory.mktemp("inner"), "kafka", "registry"))
    with started(config, "kafka"):
        setup.create_topics(Workspace(config))
        with started(config, "registry"):
            yield config


@pytest.fixture(scope="module")
def config(inner: Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """Guard its Confluent API, and let nobody reach any other."""
    folder = tmp_path_factory.mktemp("guard")
    with guarded.guarded(inner.registry.url, folder, Certificates.made_in(folder / "tls")) as section:
        let_in = {"token_file": section["password_file"].with_name("guard-token"), "user": None, "password_file": None}
        registry = section | let_in | {"api_path": ""}
        yield Config.model_validate({"state": folder, "connect": {"managed": False}, "registry": registry})


@pytest.fixture(scope="module")
def probe(config: Config, tmp_path_factory: pytest.TempPathFactory) -> Probe:
    """Return what runs the converter with the settings that a worker of others gets."""
    folder = tmp_path_factory.mktemp("probe")
    jars = f"{ROOT}/.servers/plugins/avro-converter/*:{ROOT}/.servers/kafka/*"
    subprocess.run(["javac", "-d", folder, "-cp", jars, ROOT / "tests/integration/ConverterProbe.java"], check=True)
    named = declared_connectors(config)[0].config.items()
    lines = [f"{name.removeprefix(_PREFIX)}={value}\n" for name, value in named if name.startswith(_PREFIX)]
    settings = folder / "converter.properties"
    settings.write_text("".join(lines))

    def run(way: str, *given: str) -> str:
        command = ["java", "-cp", f"{folder}:{jars}", "ConverterProbe", way, str(settings), *given]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE_S).stdout.strip()

    return run


def id_of(record: str) -> int:
    data = bytes.fromhex(record)
    assert (data[0], len(data)) == (0, 6)
    return int.from_bytes(data[1:5], "big")


def test_what_is_written_is_read_and_our_clients_know_it_by_the_same_id(probe: Probe, config: Config) -> None:
    record = probe("write", "one", "a")
    assert probe("read", record) == "Struct{a=7}"
    with RegistryClient(config.registry.url) as client:
        found = client.version("one-value", 1)
        assert found is not None
        assert found == (id_of(record), client.schema(id_of(record)))


def test_a_schema_that_apicurio_s_own_api_registered_keeps_its_id(probe: Probe, inner: Config) -> None:
    record = probe("write", "by-confluent", "a")
    with RegistryClient(inner.registry.url) as client:
        schema = client.schema(id_of(record))
        assert schema is not None
        headers = {"X-Registry-ArtifactId": "by-apicurio-value", "X-Registry-ArtifactType": "AVRO"}
        url = inner.registry.at("/apis/registry/v2/groups/default/artifacts?ifExists=RETURN_OR_UPDATE")
        reply = requests.post(url, schema.text, headers=headers | {"Content-Type": "application/json"}, timeout=60)
        assert reply.json()["contentId"] == id_of(record)
        assert probe("write", "by-apicurio", "a") == record
        assert client.versions("by-apicurio-value") == (1,)


def test_a_schema_that_may_not_follow_is_refused_with_its_cure(probe: Probe, config: Config) -> None:
    probe("write", "strict", "a")
    with RegistryClient(config.registry.url) as client:
        client.set_compatibility("strict-value", Compatibility.BACKWARD)
        refused = probe("write", "strict", "b")
        assert refused.startswith("RegistryRefusal")
        assert "HTTP 409" in refused
        assert "NONE" in refused
        release_cdc_subjects(client, topics=["strict"])
        assert id_of(probe("write", "strict", "b")) > 0


@pytest.mark.parametrize("number", [99_999, 2**31])
def test_a_schema_that_it_does_not_have_is_not_waited_for(number: int, probe: Probe) -> None:
    assert probe("read", (b"\0" + number.to_bytes(4, "big") + b"body").hex()).startswith("RegistryRefusal")


def test_who_is_not_let_in_waits_with_a_record_that_is_read(probe: Probe, config: Config) -> None:
    record, token = probe("write", "let-in", "a"), config.registry.let_in.token_file
    assert token is not None
    right = token.read_text()
    try:
        token.write_text("run out")
        assert probe("read", record).startswith("RegistryAway")
        assert probe("write", "let-in", "b").startswith("RegistryRefusal")
    finally:
        token.write_text(right)


def test_the_doctor_says_where_the_api_is_not(config: Config) -> None:
    (found,) = doctor.examine(config)
    assert found.weight is Weight.OK
    elsewhere = config.model_copy(update={"registry": config.registry.model_copy(update={"api_path": "/elsewhere"})})
    (missed,) = doctor.examine(elsewhere)
    assert (missed.weight, "registry.api_path" in missed.cure) == (Weight.STOPS, True)
