"""Client properties of Kafka: Java's file becomes librdkafka's settings, and references for Java's own clients."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.brokers import Brokers, ClientPropertiesWrong, java_settings, librdkafka_settings, read_properties
from penstock.config import Config, ConfigInvalid, load_config

PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"


def file_of(folder: Path, text: str) -> Path:
    file = folder / "client.properties"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_login_is_translated(tmp_path: Path) -> None:
    text = "security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\n"
    text += f'sasl.jaas.config={PLAIN} username="u" password="a\\\\"b c";\nssl.endpoint.identification.algorithm=\n'
    assert librdkafka_settings(Brokers("one:1,two:2", file_of(tmp_path, text))) == {
        "bootstrap.servers": "one:1,two:2",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "u",
        "sasl.password": 'a"b c',
        "ssl.endpoint.identification.algorithm": "none",
    }


@given(st.text(st.characters(codec="ascii", min_codepoint=32, exclude_characters="\x7f"), min_size=1))
def test_any_password_survives_both_ways_of_escaping(tmp_path_factory: pytest.TempPathFactory, password: str) -> None:
    in_jaas = password.replace("\\", "\\\\").replace('"', '\\"')
    in_file = f'{PLAIN} username="u" password="{in_jaas}";'.replace("\\", "\\\\")
    file = file_of(tmp_path_factory.getbasetemp(), f"sasl.jaas.config={in_file}\n")
    assert librdkafka_settings(Brokers("one:1", file))["sasl.password"] == password


def test_the_file_is_read_as_java_reads_it(tmp_path: Path) -> None:
    text = "# comment\n! another\n\n  ssl.key.password : \\u00e4\\t\\\\=\\\n    :more \nsasl.mechanism\tPLAIN\n"
    known = {"ssl.key.password": "ä\t\\=:more ", "sasl.mechanism": "PLAIN"}
    assert read_properties(file_of(tmp_path, text)) == known


def test_java_gets_references_and_no_value(tmp_path: Path) -> None:
    file = file_of(tmp_path, "security.protocol=SSL\nssl.key.password=5ecret\n")
    settings = java_settings(Brokers("one:1", file), "kafka.")
    assert settings["kafka.ssl.key.password"] == f"${{penstock:{file}:ssl.key.password}}"
    assert settings["kafka.config.providers"] == "penstock"
    assert "5ecret" not in str(settings)
    assert java_settings("one:1") == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("security.protcol=SSL\n", "unknown: security.protcol"),
        ("sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required;\n", "must be of PlainLoginModule"),
        ("ssl.keystore.location=/x.jks\nssl.keystore.password=5ecret\n", "keytool -importkeystore -srckeystore /x.jks"),
        ("ssl.truststore.location=/missing.p12\nssl.truststore.password=5ecret\n", "holds no certificate"),
    ],
)
def test_what_librdkafka_cannot_use_is_said(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ClientPropertiesWrong) as wrong:
        librdkafka_settings(Brokers("one:1", file_of(tmp_path, text)))
    assert says in str(wrong.value)
    assert "5ecret" not in str(wrong.value)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ClientPropertiesWrong, match="No such file"):
        read_properties(tmp_path / "missing")


def test_they_are_for_a_kafka_of_others_only(tmp_path: Path) -> None:
    file = tmp_path / "penstock.toml"
    file.write_text('[kafka]\nbootstrap_servers = "one:1"\n')
    with pytest.raises(ConfigInvalid, match="managed = false"):
        load_config(file)
    assert Config().kafka.bootstrap == "127.0.0.1:9092"
