"""No secret of a connector is shown, by whatever name or in whichever value it stands; references are none."""

from __future__ import annotations

import pytest

from penstock.connect.apply import Change
from penstock.connect.secrets import HIDDEN, SecretHidden, hidden, hidden_in, hide_changes, hide_secrets, with_secrets

SECRET = "s3cr3t-Wort"  # noqa: S105 - of nothing


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("database.password", SECRET),
        ("database.passwd", SECRET),
        ("value.converter.basic.auth.user.info", f"user:{SECRET}"),
        ("schema.registry.basic.auth.user.info", SECRET),
        ("connection.uri", f"mongodb://user:{SECRET}@host:27017/?ssl=true"),
        ("connection.string", f"Endpoint=x;SharedAccessKey={SECRET}"),
        ("connection.url", f"jdbc:postgresql://host/db?user=u&password={SECRET}"),
        ("connection.url", f"http://user:{SECRET}@elastic:9200"),
        ("connection.url", f"http://user:{SECRET}@one:9200,http://user:{SECRET}@two:9200"),
        ("some.address", f"amqp://{SECRET}@host"),
        ("some.address", f"https://host/path?api_key={SECRET}&x=1"),
        ("some.address", f"https://host/path?sig={SECRET}"),
        ("sasl.jaas.config", f'x required username="u" password="{SECRET}";'),
        ("producer.override.sasl.jaas.config", SECRET),
        ("something", f'x required username="u" password="{SECRET}";'),
        ("something", f"-----BEGIN PRIVATE KEY-----\\n{SECRET}"),
        ("ssl.keystore.key", SECRET),
        ("ssl.key.password", SECRET),
        ("ssl.truststore.password", SECRET),
        ("aws.secret.access.key", SECRET),
        ("aws.accessKeyId.apikey", SECRET),
        ("api.key", SECRET),
        ("apiKey", SECRET),
        ("snowflake.private.key", SECRET),
        ("azure.account.key", SECRET),
        ("gcs.credentials.json", SECRET),
        ("my.token", SECRET),
        ("client.secret", SECRET),
        ("http.headers.authorization", f"Bearer {SECRET}"),
        ("http.headers", f"Accept:*,X:Bearer {SECRET}"),
        ("database.password", "${env:X}" + SECRET),
    ],
)
def test_a_secret_is_hidden_by_its_name_or_by_what_it_looks_like(key: str, value: str) -> None:
    shown = hidden(key, value)
    assert SECRET not in shown
    assert HIDDEN in shown
    assert hidden(key, shown) == shown
    assert with_secrets({key: shown}, {key: value}) == {key: value}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("database.password", "${env:PENSTOCK_POSTGRES_PASSWORD}"),
        ("basic.auth.user.info", "${env:USER}:${env:PASSWORD}"),
        ("database.password", ""),
        ("something", 'required password="${env:P}";'),
        ("connection.url", "jdbc:postgresql://host/db?password=${env:P}"),
        ("topics", "views.users_by_id,views.tokens"),
        ("key.converter", "org.apache.kafka.connect.storage.StringConverter"),
        ("message.key.columns", "public.users:id"),
        ("table.include.list", "public.users"),
        ("connection.url", "jdbc:postgresql://host:5432/db"),
        ("publication.name", "penstock"),
    ],
)
def test_a_reference_and_what_is_no_secret_stay(key: str, value: str) -> None:
    assert hidden(key, value) == value


def test_a_configuration_is_sorted_and_its_secrets_hidden() -> None:
    config = {"topics": "t", "a.password": "hunter2"}
    assert list(hide_secrets(config).items()) == [("a.password", HIDDEN), ("topics", "t")]


def test_differences_of_secrets_are_reported_without_them() -> None:
    assert hide_changes([Change("a.password", None, "x"), Change("topics", "a", "b")]) == (
        Change("a.password", None, HIDDEN),
        Change("topics", "a", "b"),
    )


def test_a_trace_is_reported_without_its_passwords() -> None:
    trace = f"TokenException: no route to jdbc:x://u:{SECRET}@h?password={SECRET}\n\tat A.b(C.java:1)"
    assert SECRET not in hidden_in(trace)
    assert hidden_in(trace).startswith("TokenException: no route")
    assert hidden_in(trace).endswith("\n\tat A.b(C.java:1)")


def test_a_hidden_secret_that_comes_back_is_put_back_or_refused() -> None:
    running, file = {"a.password": "x", "b.password": "y"}, {"a.password": "x", "b.password": "z"}
    assert with_secrets({"a.password": HIDDEN, "topics": "t"}, running, file) == {"a.password": "x", "topics": "t"}
    with pytest.raises(SecretHidden, match=r"b\.password"):
        with_secrets({"b.password": HIDDEN}, running, file)
    with pytest.raises(SecretHidden, match="reference"):
        with_secrets({"new.password": HIDDEN}, running, file)
