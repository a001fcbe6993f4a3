"""`penstock doctor` on a real Postgres: each fault is named with its cure, which helps; each role keeps to its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest
from psycopg2.extensions import make_dsn

from penstock.config import Config
from penstock.doctor import console
from penstock.doctor.finding import Finding, Weight
from penstock.doctor.postgres import examine
from penstock.doctor.rights import owners_right, roles
from penstock.doctor.wal import altered, read_keeper
from penstock.layout import Layout
from penstock.pipeline.followed import paused_views
from penstock.postgres.connection import RightMissing, connect
from penstock.postgres.publication import publish
from penstock.postgres.silent import silent_changes
from penstock.project.workspace import Workspace
from penstock.sections.postgres import Postgres
from penstock.setup.actions import create_tables
from penstock.stack.parts.postgres import major_version
from penstock.wait import wait_until
from tests.integration.certificates import Certificates
from tests.integration.their_postgres import INSERT, PASSWORD, TABLE, Server, their_postgres
from tests.patience import PATIENCE_S


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("theirs")
    with their_postgres(folder, Certificates.made_in(folder / "tls")) as server:
        yield server


def found(server: Server, weight: Weight, table: str = TABLE) -> list[Finding]:
    return [finding for finding in examine(server.config, [table]) if finding.weight is weight]


def saying(server: Server, says: str) -> list[Finding]:
    return [finding for finding in examine(server.config, [TABLE]) if says in finding.what]


def take(server: Server, cure: str) -> None:
    """Do what a cure says: its statements, and the restart."""
    for part in [cure] if cure.startswith("DO ") else cure.split(";"):
        if part.strip().startswith(("ALTER", "GRANT", "SELECT", "DO")):
            server.as_superuser(part)
    if "restart it" in cure:
        server.stop()
        server.start()


def test_with_the_rights_of_the_role_nothing_stops_it(server: Server) -> None:
    assert found(server, Weight.STOPS) == []


def test_a_masked_column_that_the_table_has_not_is_named(server: Server) -> None:
    masked = server.config.console.model_copy(update={"masked": ("email", "emial")})
    workspace = Workspace(server.config.model_copy(update={"console": masked}))
    (finding,) = console.examine(workspace)
    assert finding.what.startswith("console.masked has emial, and no followed table")


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (["ALTER ROLE penstock NOREPLICATION"], "may not replicate"),
        (["REVOKE CREATE ON DATABASE app FROM penstock"], "may not create in database app"),
        (["REVOKE application FROM penstock"], "table public.users belongs to application"),
        (["REVOKE SELECT ON users FROM application"], "may not read table public.users"),
        (["ALTER TABLE users OWNER TO postgres"], "table public.users belongs to postgres"),
        (
            ["ALTER TABLE users ENABLE ROW LEVEL SECURITY", "ALTER TABLE users FORCE ROW LEVEL SECURITY"],
            "row level security hides rows of public.users",
        ),
        (["REVOKE USAGE ON SCHEMA public FROM PUBLIC, application, penstock"], "does not reach schema public"),
        (["CREATE SCHEMA penstock", "CREATE TABLE penstock.tried ()"], "schema penstock belongs to postgres"),
        (["CREATE PUBLICATION penstock"], "publication penstock belongs to postgres"),
        (["REVOKE pg_read_all_stats FROM penstock"], "does not see since when transactions of others run"),
        pytest.param(
            ["ALTER ROLE penstock IN DATABASE app SET transaction_timeout = '5min'"],
            "transaction_timeout is set for role penstock",
            marks=pytest.mark.skipif(major_version() < 17, reason="the setting came with Postgres 17"),
        ),
        (["ALTER SYSTEM SET max_slot_wal_keep_size = -1", "SELECT pg_reload_conf()"], "fills its disk"),
        (["SELECT pg_create_physical_replication_slot('s' || n) FROM generate_series(1, 8) n"], "no replication slot"),
        ([], "the rows that a TRUNCATE takes"),
        pytest.param(
            ["ALTER SYSTEM SET event_triggers = off", "SELECT pg_reload_conf()"],
            "event_triggers is off",
            marks=pytest.mark.skipif(major_version() < 17, reason="the setting came with Postgres 17"),
        ),
    ],
)
def test_a_fault_is_named_and_its_cure_makes_it_go(server: Server, fault: list[str], says: str) -> None:
    for statement in fault:
        server.as_superuser(statement)
    (finding,) = saying(server, says)
    take(server, finding.cure)
    assert saying(server, says) == []


def test_a_log_without_changes_is_named_and_cured(server: Server) -> None:
    server.as_superuser("ALTER SYSTEM SET wal_level = replica")
    server.stop()
    server.start()
    (finding,) = found(server, Weight.STOPS)
    assert finding.what == "its wal_level is replica, not logical"
    take(server, finding.cure)
    assert found(server, Weight.STOPS) == []


@pytest.fixture
def managed(server: Server) -> Iterator[None]:
    """Give it the roles of RDS."""
    server.as_superuser("CREATE ROLE rds_superuser; CREATE ROLE rds_replication")
    yield
    server.as_superuser("REVOKE rds_replication FROM penstock; ALTER ROLE penstock REPLICATION")
    server.as_superuser("DROP ROLE rds_superuser, rds_replication")


@pytest.mark.usefixtures("managed")
def test_where_nobody_may_alter_the_system_the_cure_is_that_of_the_service(server: Server) -> None:
    server.as_superuser("ALTER SYSTEM SET max_slot_wal_keep_size = -1")
    server.as_superuser("SELECT pg_reload_conf()")
    server.as_superuser("ALTER ROLE penstock NOREPLICATION")
    assert "ALTER SYSTEM" not in str([*examine(server.config, [TABLE])])
    (finding,) = saying(server, "may not replicate")
    assert finding.cure == "GRANT rds_replication TO penstock;"
    take(server, finding.cure)
    assert saying(server, "may not replicate") == []
    (finding,) = saying(server, "fills its disk")
    assert finding.cure == "max_slot_wal_keep_size = 4096 in the parameter group of RDS"


@pytest.mark.skipif(major_version() < 17, reason="the setting came with Postgres 17")
def test_an_operator_that_keeps_the_settings_is_named(server: Server) -> None:
    file = Layout.of(server.administrator).data("postgres") / "postgresql.conf"
    before = file.read_text()
    file.write_text(f"{before}allow_alter_system = off\n")
    server.as_superuser("SELECT pg_reload_conf()")
    with connect(server.config) as connection:
        wait_until(lambda: read_keeper(connection) != "", timeout_s=PATIENCE_S, what="it refuses ALTER SYSTEM")
        assert "its operator keeps" in altered("wal_level", "logical", read_keeper(connection))
        file.write_text(before)
        server.as_superuser("SELECT pg_reload_conf()")
        wait_until(lambda: read_keeper(connection) == "", timeout_s=PATIENCE_S, what="it takes ALTER SYSTEM")


def test_a_table_that_is_not_there_or_unfit_is_named(server: Server) -> None:
    (absent,) = found(server, Weight.STOPS, "public.absent")
    assert absent.what == "table public.absent of the views is not there"
    server.as_superuser("CREATE UNLOGGED TABLE fleeting (id int PRIMARY KEY); GRANT SELECT ON fleeting TO penstock")
    cures = {finding.cure for finding in found(server, Weight.STOPS, "public.fleeting")}
    assert "ALTER TABLE public.fleeting OWNER TO penstock;" in cures
    assert any("SET LOGGED" in cure for cure in cures)


PARTED = "public.parted"
MAKES_PARTED = (
    "CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY RANGE (id); ALTER TABLE parted OWNER TO application"
)


@pytest.fixture
def parted(server: Server) -> Iterator[None]:
    """Let the application have a table in partitions, and others make three of them."""
    server.as_superuser(MAKES_PARTED)
    server.as_superuser("GRANT SELECT ON parted TO penstock; CREATE ROLE archive; CREATE SCHEMA old")
    for number in (1, 2, 3):
        bounds = f"FROM ({number}) TO ({number + 1})"
        server.as_superuser(f'CREATE TABLE old."P {number}" PARTITION OF parted FOR VALUES {bounds}')
    yield
    server.as_superuser("DROP TABLE parted; DROP SCHEMA old; REVOKE archive FROM penstock; DROP ROLE archive")


@pytest.mark.usefixtures("parted")
@pytest.mark.parametrize(
    ("archived", "says"),
    [
        ((), ["each of old.P 1, old.P 2, old.P 3 belongs to postgres"]),
        ((1, 2), ["each of old.P 1, old.P 2 belongs to archive", "table old.P 3 belongs to postgres"]),
    ],
)
@pytest.mark.parametrize("is_printed", [True, False])
def test_partitions_of_other_owners_are_named_and_cured(
    server: Server, archived: tuple[int, ...], says: list[str], is_printed: bool
) -> None:
    for number in archived:
        server.as_superuser(f'ALTER TABLE old."P {number}" OWNER TO archive')
    missing = found(server, Weight.STOPS, PARTED)
    assert [finding.what.split(", and role")[0] for finding in missing] == says
    printed = owners_right("penstock", [TABLE, PARTED]).text
    for cure in [printed] if is_printed else [finding.cure for finding in missing]:
        take(server, cure)
    assert found(server, Weight.STOPS, PARTED) == []


def test_no_password_is_in_what_is_found(server: Server) -> None:
    assert PASSWORD not in str([*examine(server.config, [TABLE])])


# What each role does, and what is another's work: statements that must succeed, and that must not.
READ, WRITE = "SELECT count(*) FROM public.users", "UPDATE public.users SET city = 'Oslo'"
SLOT = "SELECT pg_create_logical_replication_slot('tried', 'pgoutput', true)"
ASIDE = "INSERT INTO loader.rejected_users (seed, page, position, reason, content) VALUES ('s', 1, 1, 'r', '{}')"
SIGNAL = "INSERT INTO penstock.signals VALUES ('1', 'tried', '')"
LIVES, STATE = "SELECT * FROM penstock.table_lives", "UPDATE penstock.table_lives SET what = ''"
MAKE, ALTER = "CREATE TABLE public.tried (id int)", "ALTER TABLE public.users ADD tried int"
PUBLISH, SECRETS = "ALTER PUBLICATION penstock SET (publish = 'insert')", "SELECT * FROM pg_authid"
ROLES = {
    "penstock": ([READ, WRITE, SLOT, STATE, MAKE, PUBLISH, ALTER], [SECRETS, "CREATE ROLE tried"]),
    "penstock_replicator": ([READ, SLOT, SIGNAL], [WRITE, ASIDE, STATE, MAKE, PUBLISH, ALTER, SECRETS]),
    "penstock_loader": ([READ, INSERT, WRITE, ASIDE], [SLOT, SIGNAL, STATE, MAKE, PUBLISH, ALTER, SECRETS]),
    "penstock_reader": ([READ, LIVES], [WRITE, SLOT, ASIDE, SIGNAL, STATE, MAKE, PUBLISH, ALTER, SECRETS]),
}


@pytest.fixture(scope="module")
def with_roles(server: Server) -> Server:
    """Let Penstock make its tables, and run the statements of the other roles as they are printed."""
    server.as_superuser("ALTER TABLE users DISABLE ROW LEVEL SECURITY")
    server.as_superuser("GRANT CREATE ON SCHEMA public TO penstock")
    create_tables(Workspace(server.config))
    for role in roles(server.config, [TABLE]):
        if role.server == "postgres" and role.name != "penstock":
            server.give_rights(role)
    return server


@pytest.mark.parametrize("role", ROLES)
def test_a_role_does_its_own_work_and_not_that_of_others(with_roles: Server, role: str) -> None:
    may, may_not = ROLES[role]
    dsn = make_dsn(with_roles.config.postgres.dsn_of("app"), user=role)
    assert [(statement, why) for statement in may if (why := refusal(dsn, statement))] == []
    assert [statement for statement in may_not if refusal(dsn, statement) != "InsufficientPrivilege"] == []


def refusal(dsn: str, statement: str) -> str:
    """Run a statement as a role and take it back; return the name of the error, if there is one."""
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        try:
            cursor.execute(statement)
        except psycopg2.Error as exc:
            return type(exc).__name__
        connection.rollback()
    return ""


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (["REVOKE SELECT ON users FROM penstock_reader"], "role penstock_reader may not read table public.users"),
        (
            ["REVOKE USAGE ON SCHEMA public FROM PUBLIC, penstock_reader"],
            "penstock_reader does not reach schema public",
        ),
        (["ALTER TABLE users ENABLE ROW LEVEL SECURITY"], "hides rows of public.users from role penstock_reader"),
        (["ALTER ROLE penstock_reader NOLOGIN"], "role penstock_reader is not let in"),
        (["REVOKE USAGE ON SCHEMA penstock FROM penstock_reader"], "penstock_reader lacks USAGE ON SCHEMA penstock"),
        (
            ["REVOKE SELECT ON penstock.published_roots FROM penstock_reader"],
            "penstock_reader lacks SELECT ON ALL TABLES IN SCHEMA penstock",
        ),
        (["REVOKE pg_read_all_stats FROM penstock_reader"], "penstock_reader does not see since when transactions"),
        (["ALTER ROLE penstock_replicator NOREPLICATION"], "role penstock_replicator may not replicate"),
        (
            ["REVOKE USAGE ON SCHEMA penstock FROM penstock_replicator"],
            "penstock_replicator lacks USAGE ON SCHEMA penstock",
        ),
        (
            ["REVOKE DELETE ON penstock.signals FROM penstock_replicator"],
            "penstock_replicator lacks SELECT, INSERT, DELETE ON penstock.signals",
        ),
        (
            ["REVOKE SELECT ON penstock.known_tables FROM penstock_replicator"],
            "penstock_replicator lacks SELECT ON penstock.known_tables",
        ),
    ],
)
def test_a_role_of_one_duty_that_cannot_do_it_is_named(with_roles: Server, fault: list[str], says: str) -> None:
    config = with_logins(with_roles)
    well = {f"role penstock_{duty} has its rights" for duty in ("reader", "replicator")}
    assert well <= {each.what for each in examine(config, [TABLE])}
    for statement in fault:
        with_roles.as_superuser(statement)
    (finding,) = (each for each in examine(config, [TABLE]) if says in each.what)
    take(with_roles, finding.cure)
    if finding.cure.startswith("run"):
        with_roles.as_superuser("ALTER ROLE penstock_reader LOGIN")
    assert well <= {each.what for each in examine(config, [TABLE])}


def test_a_statement_without_its_right_is_one_message(with_roles: Server) -> None:
    with_roles.as_superuser("REVOKE SELECT ON penstock.paused_views FROM penstock_reader")
    said = "role penstock_reader: permission denied for table paused_views; `penstock doctor` names the cure"
    with pytest.raises(RightMissing, match=said):
        paused_views(with_logins(with_roles).reading)
    with_roles.as_superuser("GRANT SELECT ON penstock.paused_views TO penstock_reader")


def with_logins(server: Server) -> Config:
    file = server.folder / "postgres-penstock"
    section = server.section | {"reader_password_file": file, "replicator_password_file": file}
    return server.config.model_copy(update={"postgres": Postgres.model_validate(section)})


def test_a_partition_that_a_superuser_makes_holds_up_no_start(with_roles: Server) -> None:
    with_roles.as_superuser(MAKES_PARTED)
    with connect(with_roles.config) as connection:
        assert publish(connection, [PARTED])[-1] == f"{PARTED} published"
    try:
        with_roles.as_superuser("CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (1) TO (2)")
        create_tables(Workspace(with_roles.config))
        with connect(with_roles.config) as connection:
            said = [change.what for change in silent_changes(connection, [PARTED])]
        assert any(what.startswith("public.parted_1 belongs to postgres") for what in said)
    finally:
        with_roles.as_superuser("DROP TABLE parted")
