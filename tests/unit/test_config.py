"""The configuration: defaults run, the file and the environment override, everything unknown is refused."""

from pathlib import Path

import pytest
from psycopg2.extensions import parse_dsn

from penstock import config as config_module
from penstock.address import LetIn, SecretUnreadable
from penstock.clone import ROOT
from penstock.config import Config, ConfigInvalid, load_config
from penstock.excluded import NONE
from penstock.hashed import NOT_HASHED
from penstock.sections.part import PasswordUnreadable
from penstock.sections.postgres import Postgres


def write(folder: Path, text: str) -> Path:
    file = folder / "penstock.toml"
    file.write_text(text)
    return file


def test_defaults_are_the_ports_people_know() -> None:
    config = Config()
    ports = (config.postgres.port, config.kafka.port, config.connect.port, config.registry.port, config.cassandra.port)
    assert ports == (5432, 9092, 8083, 8081, 9042)
    assert config.state_dir == ROOT / "var"


def test_the_file_overrides_one_key_and_leaves_the_others(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, "[kafka]\nport = 19092\n"))
    assert (config.kafka.port, config.kafka.heap_mb) == (19092, Config().kafka.heap_mb)


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_KAFKA__PORT", "29092")
    config = load_config(write(tmp_path, "[kafka]\nport = 19092\nheap_mb = 300\n"))
    assert (config.kafka.port, config.kafka.heap_mb) == (29092, 300)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[kafka]\nprot = 1\n", "kafka.prot: unknown key"),
        ("[kafak]\nport = 1\n", "kafak: unknown key"),
        ("[kafka]\nport = 'x'\n", "kafka.port: "),
        ("[kafka]\nport = 70000\n", "kafka.port: "),
        ("[kafka\n", "not valid TOML"),
        ("state = 'my var'\n", "state: only ASCII letters"),
        ("[console]\nallowed_hosts = ['c.lan:9021']\n", "console.allowed_hosts.0: must be a host's name alone"),
        ("[connect]\nmanaged = false\nbase_url = 'https://c/x?y=1'\n", "connect.base_url: must end before any ?"),
        ("[postgres]\nstandbys = ['[::1]:5432']\n", "postgres.standbys.0: "),
        (
            "[kafka]\nmin_insync_replicas = 2\n",
            "kafka: min_insync_replicas 2, replication_factor 1, brokers 1: the first may not",
        ),
        (
            "[kafka]\nreplication_factor = 5\n",
            "kafka: min_insync_replicas 4, replication_factor 5, brokers 1: the first may not",
        ),
        ("[cassandra]\nreplication = {dc1 = 0}\n", "cassandra.replication.dc1: "),
        ("[cassandra]\nreplication = {dc1 = 3}\n", "cassandra: replication has no copies in datacenter1, the local_dc"),
        ("[cassandra]\nmanaged = false\npassword_file = 'x'\n", "cassandra.password_file: is the password of a user"),
        ("[connect]\nmanaged = false\npassword_file = 'x'\n", "connect.password_file: is the password of a user"),
        ("[console]\npassword_file = 'x'\n", "console.password_file: is the password of a user"),
        ("[console]\nuser = 'me'\n", "console: user takes a password_file"),
        ("[registry]\nmanaged = false\nuser = 'x'\ntoken_file = 'x'\n", "registry: user and token_file: one of them"),
        ("project = '~/mine'\n", "project: ~ is no home folder here"),
    ],
)
def test_bad_input_is_named(tmp_path: Path, text: str, says: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(ConfigInvalid) as refused:
        load_config(file)
    assert says in str(refused.value)
    assert str(file) in str(refused.value)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        *(
            ("postgres.host", host)
            for host in ("::1", "[::1]", "/run/postgresql", "db:5432", "postgres://db", "a b", "")
        ),
        *(("sources.billing.host", "db:5432"), ("kafka.host", "::1"), ("connect.host", "me@there")),
        *(("spark.host", "spark://one"), ("spark.local_host", "one:7078"), ("console.host", "::")),
        ("cassandra.contact_points.0", "10.0.0.1:9042"),
    ],
)
def test_a_host_that_not_every_client_understands_is_refused(tmp_path: Path, setting: str, value: str) -> None:
    section, _, key = setting.removesuffix(".0").rpartition(".")
    text = f"[{section}]\n{key} = {[value] if setting.endswith('.0') else repr(value)}\n"
    with pytest.raises(ConfigInvalid, match=f"{setting}: must be a host's name or IPv4 address alone"):
        load_config(write(tmp_path, text))


@pytest.mark.parametrize("host", ["localhost", "10.0.0.1", "0.0.0.0", "db_1.example.com", "view-1"])  # noqa: S104 - read
def test_names_and_addresses_of_ipv4_are_hosts(tmp_path: Path, host: str) -> None:
    assert load_config(write(tmp_path, f"[postgres]\nhost = '{host}'\n")).postgres.host == host


@pytest.mark.parametrize(
    ("section", "settings"),
    [
        ("postgres", "sslmode = 'verify-full'\nca_file = 'x'\n"),
        ("postgres", "standbys = ['two:5432']\n"),
        ("cassandra", "contact_points = ['one.example.com']\n"),
        ("cassandra", "user = 'penstock'\npassword_file = 'x'\ntls = true\nca_file = 'x'\n"),
        ("kafka", "bootstrap_servers = 'one:9092'\nproperties_file = 'x'\n"),
        ("registry", "token_file = 'x'\napi_path = ''\n"),
        ("connect", "base_url = 'https://one.example.com'\nuser = 'me'\npassword_file = 'x'\nca_file = 'x'\n"),
        ("airflow", "base_url = 'https://one.example.com'\n"),
        ("spark", "token_file = 'x'\nproperties_file = 'x'\n"),
    ],
)
def test_what_only_a_server_of_others_has_is_refused_until_it_is_one(
    tmp_path: Path, section: str, settings: str
) -> None:
    named = ", ".join(line.split()[0] for line in settings.splitlines())
    with pytest.raises(ConfigInvalid) as refused:
        load_config(write(tmp_path, f"[{section}]\n{settings}"))
    assert f"{section}: for a server of others, which takes managed = false: " in str(refused.value)
    assert sorted(str(refused.value).rpartition(": ")[2].split(", ")) == sorted(named.split(", "))
    load_config(write(tmp_path, f"[{section}]\nmanaged = false\n{settings}"))


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("", "state is the clone"),
        (".", "state is the clone"),
        ("..", "state holds the clone"),
        ("/", "state holds the clone"),
        (str(Path.home()), "state (is|holds) the home folder"),
        ("~/penstock", "state: ~ is no home folder here"),
        ("~", "state: ~ is no home folder here"),
    ],
)
def test_a_state_that_holds_more_than_a_stack_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, says: str
) -> None:
    monkeypatch.setenv("PENSTOCK_STATE", state)
    with pytest.raises(ConfigInvalid, match=says):
        load_config(write(tmp_path, ""))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PENSTOCK_CONSOLE__MASKED", "email,phone"),
        ("PENSTOCK_CASSANDRA__CONTACT_POINTS", "10.0.0.1"),
        ("PENSTOCK_POSTGRES__STANDBYS", "a:1"),
        ("PENSTOCK_POSTGRES", "{bad"),
        ("PENSTOCK_CONNECT__REFERENCES", "x"),
    ],
)
def test_a_variable_that_must_be_json_is_named_with_its_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv("PENSTOCK_KAFKA__PORT", "29092")
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigInvalid, match=rf"\n  {variable}: must be JSON, .*'\[\"a\", \"b\"\]'") as refused:
        load_config(write(tmp_path, ""))
    assert "PENSTOCK_KAFKA__PORT" not in str(refused.value)
    assert value not in str(refused.value)


def test_a_list_in_the_environment_is_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_CONSOLE__MASKED", '["email", "phone"]')
    assert load_config(write(tmp_path, "")).console.masked == ("email", "phone")


def test_what_follows_from_a_problem_is_none_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_KAFKA__BROKERS", "")
    with pytest.raises(ConfigInvalid) as refused:
        load_config(write(tmp_path, ""))
    assert len(str(refused.value).splitlines()) == 2
    assert "kafka.brokers: " in str(refused.value)


def test_every_problem_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        load_config(write(tmp_path, "[kafka]\nprot = 1\n[postgres]\nport = 0\n"))
    assert "kafka.prot" in str(refused.value)
    assert "postgres.port" in str(refused.value)


def test_a_file_that_was_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="does not exist"):
        load_config(tmp_path / "absent.toml")


def test_what_is_no_file_is_no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigInvalid, match="cannot be read: Is a directory"):
        load_config(tmp_path)
    (tmp_path / "penstock.toml").symlink_to("gone.toml")
    monkeypatch.setattr(config_module, "ROOT", tmp_path)
    monkeypatch.delenv("PENSTOCK_CONFIG", raising=False)
    with pytest.raises(ConfigInvalid, match=r"the link leads to no file: gone\.toml"):
        load_config()


def test_a_password_comes_from_its_file_and_is_part_of_the_address(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("it's secret\n")
    postgres = Postgres(password_file=file)
    assert parse_dsn(postgres.dsn).get("password") == file.read_text().strip()
    assert "password" not in Postgres().dsn
    with pytest.raises(PasswordUnreadable, match="missing cannot be read: No such file"):
        Postgres(password_file=tmp_path / "missing").password  # noqa: B018 - reading is what raises


@pytest.mark.parametrize(
    ("content", "says"),
    [("grün".encode("latin-1"), "no UTF-8"), ("s3cret".encode("utf-16"), "no UTF-8"), (b"\xef\xbb\xbfs3cret", "mark")],
)
def test_a_secret_is_utf_8_as_every_reader_of_it_takes_it(tmp_path: Path, content: bytes, says: str) -> None:
    (file := tmp_path / "password").write_bytes(content)
    with pytest.raises(PasswordUnreadable, match=f"postgres.password_file {file} cannot be read: it .*{says}"):
        Postgres(password_file=file).password  # noqa: B018 - reading is what raises
    with pytest.raises(SecretUnreadable, match=f"{file}, .* cannot be read: it .*{says}"):
        LetIn("me", file).password  # noqa: B018 - reading is what raises


def test_the_setting_of_an_unreadable_secret_is_the_one_that_names_it(tmp_path: Path) -> None:
    first = "[postgres]\npassword_file = 'none'\nreader_password_file = 'none'\n"
    config = load_config(write(tmp_path, f"{first}[sources.billing]\npassword_file = 'none'\n"))
    for found, setting in (
        (config, "postgres.password_file"),
        (config.reading, "postgres.reader_password_file"),
        (config.of_source("billing"), "sources.billing.password_file"),
        (config.of_source("billing").reading, "postgres.reader_password_file"),
    ):
        with pytest.raises(PasswordUnreadable, match=f"^{setting} none cannot be read"):
            found.database.password  # noqa: B018 - reading is what raises


def test_a_further_source_is_another_database_of_the_first_ones_server(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, "[postgres]\nport = 15432\nuser = 'reader'\n[sources.billing]\n"))
    billing = config.of_source("billing")
    assert parse_dsn(billing.database.dsn) == parse_dsn(config.postgres.dsn) | {"dbname": "billing"}
    assert (config.names.slot, billing.names.slot) == ("penstock", "penstock_billing")
    assert billing.of_source("").database == config.database == config.postgres


def test_with_a_host_of_its_own_it_takes_nothing_of_the_first(tmp_path: Path) -> None:
    first = "[postgres]\nmanaged = false\nport = 15432\nuser = 'reader'\nsslmode = 'require'\n"
    billing = (
        load_config(write(tmp_path, f"{first}[sources.billing]\nhost = 'db.example.com'\n"))
        .of_source("billing")
        .database
    )
    assert (billing.host, billing.port, billing.user, billing.sslmode) == ("db.example.com", 5432, "postgres", None)
    assert not billing.managed


def test_without_a_host_it_names_no_other_server(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigInvalid, match=r"sources\.billing: for a server of others, .* host of its own: port, sslmode$"
    ):
        load_config(write(tmp_path, "[sources.billing]\nport = 5433\nsslmode = 'require'\n"))


def test_a_table_of_a_source_hides_columns_there_alone(tmp_path: Path) -> None:
    text = "[sources.billing]\n[tables.'billing:public.users']\nexclude = ['iban']\nhash = ['email']\n"
    config = load_config(write(tmp_path, f"state = '{tmp_path}'\n{text}"))
    assert (config.excluded, config.hashed) == (NONE, NOT_HASHED)
    billing = config.of_source("billing")
    assert billing.excluded.of("public.users") == {"iban"}
    assert billing.hashed.of("public.users") == {"email"}


def test_a_source_has_the_standbys_of_its_server(tmp_path: Path) -> None:
    first = "[postgres]\nmanaged = false\nstandbys = ['two:5432']\n[sources.billing]\n"
    config = load_config(write(tmp_path, f"{first}[sources.far]\nhost = 'far'\nstandbys = ['farther:1']\n"))
    found = {each.section: each.database.standbys for each in map(config.of_source, ("", "billing", "far"))}
    assert found == {"[postgres]": ("two:5432",), "[sources.far]": ("farther:1",)}


@pytest.mark.parametrize("name", ["users", "views", "postgres", "my_orders", "Billing", "b" * 15])
def test_a_source_whose_names_would_meet_others_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigInvalid, match=r"the name of a source has|is taken"):
        load_config(write(tmp_path, f"[sources.{name}]\n"))
