"""Lets clients into Kafka by a properties file as Java's clients read it, for librdkafka, Spark and Connect too.

Java's clients never get a value: they get references (`${file:PATH:KEY}`) and read the file themselves. So no
secret stands in a command line, in the options of a query or in a rendered configuration.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from penstock.errors import TerminalError

_PROVIDER = "penstock"
_LOGIN = re.compile(r'(?P<key>username|password)\s*=\s*"(?P<value>(?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
_CONTROL = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_MODULES = ("PlainLoginModule", "ScramLoginModule")
_SAME = frozenset({"security.protocol", "sasl.mechanism", "ssl.key.password", "client.dns.lookup"})
_NOT_FOR_LIBRDKAFKA = frozenset({"ssl.protocol", "ssl.enabled.protocols", "ssl.truststore.type", "ssl.keystore.type"})
_JAAS = "sasl.jaas.config"
_TRUST, _TRUST_PASSWORD = "ssl.truststore.location", "ssl.truststore.password"
_KEYS, _KEYS_PASSWORD = "ssl.keystore.location", "ssl.keystore.password"
_INLINE = {
    "ssl.truststore.certificates": "ssl.ca.pem",
    "ssl.keystore.key": "ssl.key.pem",
    "ssl.keystore.certificate.chain": "ssl.certificate.pem",
}
_CHECK = "ssl.endpoint.identification.algorithm"
_KNOWN = _SAME | _NOT_FOR_LIBRDKAFKA | _INLINE.keys() | {_JAAS, _TRUST, _TRUST_PASSWORD, _KEYS, _KEYS_PASSWORD, _CHECK}


class ClientPropertiesWrong(TerminalError):
    """The client properties of Kafka cannot be used."""

    def __init__(self, file: Path, problem: str) -> None:
        super().__init__(f"kafka.properties_file {file}: {problem}")


class Brokers(str):
    """The bootstrap servers, `host:port[,host:port]`, and the file by which clients are let in."""

    properties_file: Path | None

    def __new__(cls, servers: str, properties_file: Path | None = None) -> Brokers:
        """Name servers; without a file they let everybody in."""
        made = super().__new__(cls, servers)
        made.properties_file = properties_file
        return made


def librdkafka_settings(bootstrap: str) -> dict[str, str]:
    """Return what a client of librdkafka needs to be let in.

    :raises ClientPropertiesWrong: the file cannot be read, or says what librdkafka has no word for.
    """
    file = _file(bootstrap)
    return {"bootstrap.servers": str(bootstrap), **(dict(_translated(file)) if file else {})}


def java_settings(bootstrap: str, *prefixes: str) -> dict[str, str]:
    """Return what a Java client needs besides the servers: each property as a reference to the file.

    :param prefixes: before each name, such as `kafka.` for Spark; the plain name without any.
    """
    file = _file(bootstrap)
    if file is None:
        return {}
    referred = provider(file) | references(file)
    return {f"{prefix}{name}": value for prefix in prefixes or ("",) for name, value in referred.items()}


def provider(file: Path) -> dict[str, str]:
    """Return the settings by which a Java client finds what the references of this file stand for."""
    own = f"config.providers.{_PROVIDER}"
    return {
        "config.providers": _PROVIDER,
        f"{own}.class": "org.apache.kafka.common.config.provider.FileConfigProvider",
        f"{own}.param.allowed.paths": str(file),
    }


def references(file: Path) -> dict[str, str]:
    """Return a reference for each property of the file."""
    return {name: f"${{{_PROVIDER}:{file}:{name}}}" for name in read_properties(file)}


def read_properties(file: Path) -> dict[str, str]:
    """Read a file of Java properties: comments, lines that go on, `=`, `:` or a blank between name and value.

    :raises ClientPropertiesWrong: it cannot be read, or names what is no property of a client's security.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ClientPropertiesWrong(file, f"cannot be read: {getattr(exc, 'strerror', None) or 'no UTF-8'}") from exc
    found = dict(_pairs(text))
    if unknown := sorted(found.keys() - _KNOWN):
        raise ClientPropertiesWrong(file, f"unknown: {', '.join(unknown)}; known are: {', '.join(sorted(_KNOWN))}")
    return found


def _file(bootstrap: str) -> Path | None:
    return bootstrap.properties_file if isinstance(bootstrap, Brokers) else None


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    joined = re.sub(r"(?<!\\)((?:\\\\)*)\\\n[ \t]*", r"\1", text)
    for line in map(str.lstrip, joined.splitlines()):
        if line and not line.startswith(("#", "!")):
            name, _, value = re.sub(r"\s*[=:]\s*|\s+", "\0", line, count=1).partition("\0")
            yield name, _ESCAPE.sub(_unescaped, value)


def _unescaped(found: re.Match[str]) -> str:
    escaped = found[1]
    return chr(int(escaped[1:], 16)) if len(escaped) > 1 else _CONTROL.get(escaped, escaped)


def _translated(file: Path) -> Iterator[tuple[str, str]]:
    given = read_properties(file)
    yield from ((name, given[name]) for name in sorted(given.keys() & _SAME))
    yield from ((meant, given[name]) for name, meant in _INLINE.items() if name in given)
    if _JAAS in given:
        yield from _login(file, given[_JAAS])
    if _TRUST in given:
        yield _trust(file, given)
    if _KEYS in given:
        yield from _keys(file, given)
    if _CHECK in given:
        yield _CHECK, given[_CHECK].lower() or "none"


def _login(file: Path, jaas: str) -> Iterator[tuple[str, str]]:
    found = {each["key"]: re.sub(r"\\(.)", r"\1", each["value"]) for each in _LOGIN.finditer(jaas)}
    if not any(module in jaas for module in _MODULES) or found.keys() != {"username", "password"}:
        raise ClientPropertiesWrong(file, f'{_JAAS} must be of {" or ".join(_MODULES)}, with username="…" password="…"')
    yield from ((f"sasl.{key}", value) for key, value in found.items())


def _trust(file: Path, given: Mapping[str, str]) -> tuple[str, str]:
    if given.get("ssl.truststore.type", "").upper() == "PEM":
        return "ssl.ca.location", given[_TRUST]
    # librdkafka reads no store of Java's. The password goes by the environment: everybody sees arguments.
    listed = ["keytool", "-list", "-rfc", "-keystore", given[_TRUST], "-storepass:env", "STORE_PASSWORD"]
    environment = {**os.environ, "STORE_PASSWORD": given.get(_TRUST_PASSWORD, "")}
    done = subprocess.run(listed, env=environment, check=False, capture_output=True, text=True)
    certificates = re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", done.stdout, re.DOTALL)
    if not certificates:
        raise ClientPropertiesWrong(
            file, f"{_TRUST} {given[_TRUST]} holds no certificate, or {_TRUST_PASSWORD} is wrong"
        )
    return "ssl.ca.pem", "".join(certificates)


def _keys(file: Path, given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    kind, store = given.get("ssl.keystore.type", "JKS").upper(), given[_KEYS]
    if kind == "PEM":
        yield from (("ssl.key.location", store), ("ssl.certificate.location", store))
    elif kind == "PKCS12":
        yield from (("ssl.keystore.location", store), (_KEYS_PASSWORD, given.get(_KEYS_PASSWORD, "")))
    else:
        cure = f"keytool -importkeystore -srckeystore {store} -destkeystore NEW.p12 -deststoretype PKCS12"
        raise ClientPropertiesWrong(file, f"ssl.keystore.type must be PKCS12 or PEM; {cure} makes one")
