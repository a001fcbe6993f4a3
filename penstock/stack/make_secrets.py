"""Makes the secrets of a secured stack, once: an authority, a certificate for each server, passwords, a token."""

from __future__ import annotations

import base64
import datetime
import hmac
import ipaddress
import json
import secrets as random
import shutil
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID
from joserfc import jwk, jwt

from penstock.config import Config
from penstock.errors import TerminalError
from penstock.layout import Layout
from penstock.sections.console import Console
from penstock.sections.kafka import KafkaMode
from penstock.sections.part import PartSection
from penstock.secured import ADMINISTRATOR, LOADER, READER, REPLICATOR, USER, Secrets
from penstock.stack.mode import mode_of
from penstock.whole_file import write_whole

_PARTS = ("api", "postgres", "kafka", "registry", "connect", "cassandra", "airflow", "console")
_PASSWORDS = (
    *("api", "postgres", "cassandra", "cassandra-administrator", "registry", "connect", "airflow", "console"),
    *("spark", "store", LOADER),
    *(f"kafka-{user}" for user in (ADMINISTRATOR, USER)),
)
_ADDRESSES = ("127.0.0.1", "localhost")
_VALID = datetime.timedelta(days=3650)
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
_LOGIN_OF_CONNECT = "org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule"
_FILTER_OF_SPARK = "org.apache.spark.ui.JWSFilter"


class CannotSecure(TerminalError):
    """A secured stack is asked for where there can be none."""

    def __init__(self, why: str, cure: str) -> None:
        super().__init__(f"nothing was started: --secure {why}.\n  What to do: {cure}")


def make_secrets(config: Config) -> None:
    """Make the files; where they are, nothing is done.

    :raises CannotSecure: the stack runs without, or something in it could not be secured.
    """
    refuse_open_doors(config)
    made = Secrets.of(config)
    if made.exist:
        return
    _refuse_existing(config)
    new = Secrets(made.folder.with_name(f".{made.folder.name}.new"))
    shutil.rmtree(new.folder, ignore_errors=True)
    new.folder.mkdir(parents=True, mode=0o700)
    for name in _PASSWORDS:
        _write(new.password_file(name), random.token_urlsafe(32) + "\n")
    # What a new Cassandra has, until its first start gives it another.
    _write(new.password_file("cassandra-first"), "cassandra\n")
    _sign_all(new, config)
    _write_for_spark(new)
    new.folder.rename(made.folder)


def refuse_containers(config: Config) -> None:
    """Make sure that a stack is one of processes.

    :raises CannotSecure: with the way to secure containers.
    """
    if not config.supervised:
        cure = "docker compose -f docker-compose.yml -f servers/compose/secure.yml up -d (docs/compose.md)"
        raise CannotSecure("starts processes of this machine, and not containers", cure)


def refuse_open_doors(config: Config) -> None:
    """Make sure that no part of a secured stack would be open to somebody.

    Containers listen at names of their own network; what their host sees of them, their compose file says.

    :raises CannotSecure: with the setting that cures it.
    """
    if mode_of(config) is KafkaMode.ZOOKEEPER:
        raise CannotSecure("runs Kafka without ZooKeeper only", "ask for no ZooKeeper, or for no --secure")
    shown = [name for name in ("kafka", "connect") if getattr(config, name).metrics_port]
    if shown:
        raise CannotSecure(
            f"leaves no door open, and the metrics of {' and '.join(shown)} ask for no password",
            "no metrics_port in these sections",
        )
    _refuse_incomplete(Secrets.of(config))
    beyond = [name for name in (*_PARTS, "spark") if not _is_here(getattr(config, name))]
    if beyond and config.supervised:
        raise CannotSecure(f"listens on loopback only, and not {', '.join(beyond)}", "leave out host of that section")


def _is_here(section: PartSection | Console) -> bool:
    """Return whether a part of ours has an address that is in its certificate."""
    if not getattr(section, "managed", True):
        return True
    return {section.host, getattr(section, "own_host", section.host)}.issubset(_ADDRESSES)


def _refuse_incomplete(made: Secrets) -> None:
    lacking = [part for part in _PARTS if not made.certificate(part).exists()]
    if made.exist and lacking:
        raise CannotSecure(
            f"has no certificate of {', '.join(lacking)}: an earlier version made the secrets in {made.folder}",
            "start again: penstock reset --yes, then penstock up --secure",
        )


def _refuse_existing(config: Config) -> None:
    data = Layout.of(config).data("")
    if data.exists() and any(folder.is_dir() and any(folder.iterdir()) for folder in data.iterdir()):
        raise CannotSecure(
            f"is for a stack that begins, and the data in {config.state_dir} began without passwords",
            "go on without --secure; or delete the data: penstock reset --yes;"
            " or keep it and set another 'state' in penstock.toml",
        )


def _write(file: Path, text: str | bytes) -> None:
    file.touch(mode=0o600)
    file.write_bytes(text.encode() if isinstance(text, str) else text)


def _sign_all(new: Secrets, config: Config) -> None:
    authority = ec.generate_private_key(ec.SECP256R1())
    name = _name("Penstock, one stack")
    built = _certificate(name, name, authority.public_key()).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    usage = {kind: False for kind in _USAGES} | {"key_cert_sign": True, "crl_sign": True}
    ca = built.add_extension(x509.KeyUsage(**usage), critical=True).sign(authority, hashes.SHA256())
    _write(new.ca, ca.public_bytes(Encoding.PEM))
    for part in _PARTS:
        _sign(new, part, ca, authority, host=getattr(config, part).host)


_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


def _sign(new: Secrets, part: str, ca: x509.Certificate, authority: ec.EllipticCurvePrivateKey, *, host: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName(name) for name in dict.fromkeys(("localhost", host)) if name != "127.0.0.1"]
    addresses = [*names, x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    signed = (
        _certificate(_name(part), ca.subject, key.public_key())
        .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
        .sign(authority, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = signed.public_bytes(Encoding.PEM)
    _write(new.key(part), private)
    _write(new.certificate(part), public)
    _write(new.key_and_certificate(part), private + public + ca.public_bytes(Encoding.PEM))
    locked = BestAvailableEncryption(new.password("store").encode())
    _write(new.store(part), pkcs12.serialize_key_and_certificates(part.encode(), key, signed, [ca], locked))


def _certificate(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        # A clock that is set back a little must not end the trust.
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def write_clients_files(config: Config) -> None:
    """Write what clients and servers of a secured stack read; again at each start, as its folder may have moved."""
    secrets = Secrets.of(config)
    for user in (ADMINISTRATOR, USER):
        _write_again(secrets.kafka_properties(user), _kafka_client(secrets.ca, user, secrets.password(f"kafka-{user}")))
    for part in ("api", "registry", "connect", "console"):
        _write_again(secrets.curl(part), f'cacert = "{secrets.ca}"\nuser = "{USER}:{secrets.password(part)}"\n')
    for role in (READER, REPLICATOR):
        _write_again(secrets.password_file(role), _derived(secrets.password("postgres"), role) + "\n")
    _write_again(secrets.airflow_users, json.dumps({USER: secrets.password("airflow")}))
    users = secrets.folder / "connect.users"
    _write_again(users, f"{USER}={secrets.password('connect')}\n")
    _write_again(secrets.connect_logins, f'KafkaConnect {{\n    {_LOGIN_OF_CONNECT} required file="{users}";\n}};\n')


def _derived(secret: str, name: str) -> str:
    """Make a password of another one, which it does not tell: every copy of the secrets has the same then.

    So those that an earlier version has made get it, too.
    """
    return base64.urlsafe_b64encode(hmac.digest(secret.encode(), name.encode(), "sha256")).decode().rstrip("=")


def _write_again(file: Path, text: str) -> None:
    write_whole(file, text, mode=0o600)


def _kafka_client(ca: Path, user: str, password: str) -> str:
    return (
        f"security.protocol=SASL_SSL\nssl.truststore.type=PEM\nssl.truststore.location={ca}\n"
        f"sasl.mechanism=SCRAM-SHA-512\n"
        f'sasl.jaas.config={_SCRAM} required username="{user}" password="{password}";\n'
    )


def _write_for_spark(new: Secrets) -> None:
    key = random.token_bytes(64)
    token = jwt.encode({"alg": "HS256"}, {"sub": USER}, jwk.OctKey.import_key(key))
    coded = base64.urlsafe_b64encode(key).decode().rstrip("=")
    private = "spark.authenticate=true\nspark.network.crypto.enabled=true\n"
    _write(new.spark_token, token + "\n")
    _write(
        new.spark_daemons,
        f"{private}spark.ui.filters={_FILTER_OF_SPARK}\nspark.{_FILTER_OF_SPARK}.param.secretKey={coded}\n",
    )
    _write(new.spark_jobs, f"{private}spark.authenticate.secret={new.password('spark')}\n")
