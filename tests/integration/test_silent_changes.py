"""What changes rows without an event, on a real Postgres: written down, or turned into events, or refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest
from penstock_views.types.canonical import POSTGRES
from penstock_views.types.live_columns import field_of
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ

from penstock.clone import ROOT
from penstock.config import Config
from penstock.postgres.catalogue import read_columns, read_live_table
from penstock.postgres.own import Connection
from penstock.postgres.publication import publish, withdraw
from penstock.postgres.silent import forget_changes, sees_ddl, silent_changes
from penstock.project.workspace import Workspace
from penstock.setup.actions import create_tables
from penstock.stack.parts.postgres import major_version
from tests.integration.statements import run
from tests.names import OURS_IN_POSTGRES

PLAIN, PARTED = "public.plain", "public.parted"


@pytest.fixture
def connection(config: Config) -> Iterator[Connection]:
    """Open a connection that commits each statement, to a database with two published tables."""
    with closing(psycopg2.connect(config.postgres.dsn, connection_factory=OURS_IN_POSTGRES)) as connection:
        run(
            connection,
            "CREATE TABLE plain (id int PRIMARY KEY, name text, size int)",
            "INSERT INTO plain SELECT n, 'row ' || n, n FROM generate_series(1, 10) n",
            "CREATE TABLE parted (id int, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day)",
            "CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')",
            "INSERT INTO parted VALUES (1, '2026-01-05')",
        )
        publish(connection, [PLAIN, PARTED])
        yield connection
        connection.rollback()
        for table in (PLAIN, PARTED):
            withdraw(connection, table)
        run(
            connection,
            "DROP TABLE IF EXISTS plain, parted, parted_1, parted_2, child",
            "TRUNCATE penstock.silent_changes",
        )


def noted(connection: Connection) -> list[tuple[str, str]]:
    return [(change.table, change.what) for change in silent_changes(connection, [PLAIN, PARTED])]


def decoded(connection: Connection, *statements: str) -> list[str]:
    """Return what logical decoding sends of these statements."""
    (slot,) = run(connection, "SELECT slot_name FROM pg_create_logical_replication_slot('silent', 'test_decoding')")[0]
    try:
        run(connection, *statements)
        return [
            line for (line,) in run(connection, f"SELECT data FROM pg_logical_slot_get_changes('{slot}', NULL, NULL)")
        ]
    finally:
        run(connection, f"SELECT pg_drop_replication_slot('{slot}')")


@pytest.mark.parametrize(
    "statement",
    [
        'ALTER TABLE plain ADD COLUMN "Name" text',
        'ALTER TABLE plain RENAME COLUMN size TO "NAME"',
        'ALTER TABLE parted ADD COLUMN "GRÖSSE" int, ADD COLUMN "größe" int, ADD COLUMN "grÖSSE" int',
    ],
)
def test_columns_that_differ_in_case_only_are_refused(connection: Connection, statement: str) -> None:
    with pytest.raises(psycopg2.DatabaseError, match="differ in case only") as refused:
        run(connection, statement)
    assert "another name" in str(refused.value)
    run(connection, "ALTER TABLE plain ADD COLUMN other text", 'CREATE TABLE child (a int, "A" int)')


def test_a_table_that_has_them_can_be_altered_until_it_has_not(connection: Connection) -> None:
    run(connection, "ALTER EVENT TRIGGER penstock_after_ddl DISABLE")
    run(connection, 'ALTER TABLE plain ADD COLUMN "Name" text', "ALTER EVENT TRIGGER penstock_after_ddl ENABLE ALWAYS")
    run(connection, "ALTER TABLE parted ADD COLUMN note text", 'ALTER TABLE plain RENAME COLUMN "Name" TO title')


def test_what_sends_events_is_not_noted(connection: Connection) -> None:
    run(
        connection,
        "UPDATE plain SET size = size + 1",
        "ALTER TABLE plain ADD COLUMN note text",
        "ALTER TABLE plain ALTER COLUMN name TYPE varchar",
        "ALTER TABLE plain ALTER COLUMN name TYPE text",
        "ALTER TABLE plain ALTER COLUMN size SET NOT NULL, ALTER COLUMN size SET DEFAULT 7",
        "ALTER TABLE plain DROP COLUMN size",
        "CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')",
        "CREATE TABLE other (id int)",
        "ALTER TABLE other ADD COLUMN x int DEFAULT 1",
        "DROP TABLE other",
    )
    assert noted(connection) == []


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        (
            "ALTER TABLE plain ADD COLUMN rank int DEFAULT 7",
            "column rank was added with a value for the rows that were there",
        ),
        ("ALTER TABLE plain ADD COLUMN token uuid DEFAULT gen_random_uuid()", "ALTER TABLE rewrote every row"),
        ("ALTER TABLE plain ALTER COLUMN size TYPE bigint USING size * 10", "ALTER TABLE rewrote every row"),
    ],
)
def test_ddl_that_gives_rows_other_values_is_noted_once(connection: Connection, statement: str, what: str) -> None:
    run(connection, statement)
    run(connection, "ALTER TABLE plain ADD COLUMN unrelated text")
    assert noted(connection) == [(PLAIN, what)]


@pytest.mark.parametrize(
    ("old", "new", "is_noted"),
    [
        ("varchar(5)", "varchar(9)", False),
        ("varchar(5)", "text", False),
        ("text", "varchar", False),
        ("varchar(5)[]", "varchar[]", False),
        ("text", "named", False),
        ("named", "varchar", False),
        ("numeric(10,2)", "numeric(12,2)", False),
        ("numeric(40,2)", "numeric", False),
        ("timestamp(3)", "timestamp(6)", False),
        ("numeric(10,2)", "numeric", True),
        ("numeric(10,2)", "numeric(40,2)", True),
        ("numeric(10,2)[]", "numeric[]", True),
        ("numeric(9,-2)", "numeric", True),
        ("numeric", "amount", True),
        ("amount", "numeric", True),
        ("cidr", "inet", True),
        ("xml", "text", True),
        ("text", "bpchar", True),
        ("oid", "int", True),
        ("timestamp", "timestamptz", True),
    ],
)
def test_a_type_of_another_form_is_noted_though_no_row_is_rewritten(
    connection: Connection, old: str, new: str, is_noted: bool
) -> None:
    run(
        connection,
        "DROP DOMAIN IF EXISTS amount, named",
        "CREATE DOMAIN amount AS numeric",
        "CREATE DOMAIN named AS varchar",
        f"CREATE TABLE child (id int PRIMARY KEY, v {old})",
    )
    publish(connection, ["public.child"])
    file = "SELECT pg_relation_filenode('child')"
    before = run(connection, file)
    run(connection, "SET LOCAL timezone = 'UTC'", f"ALTER TABLE child ALTER v TYPE {new}")
    assert run(connection, file) == before
    run(connection, "ALTER TABLE child ADD COLUMN unrelated text")
    said = [change.what for change in silent_changes(connection, ["public.child"])]
    assert len(said) == is_noted
    assert all(what.startswith("column v is of type ") for what in said)
    withdraw(connection, "public.child")


def test_types_of_one_form_are_of_one_canonical_type(connection: Connection) -> None:
    limits = [
        "varchar(5)",
        "char(3)",
        "timestamp(3)",
        "timestamptz(0)",
        "interval(2)",
        "time(3)",
        "oid",
        "xml",
        "bit(3)",
    ]
    numerics = ["numeric", *(f"numeric({each})" for each in ("10,2", "38,0", "38,38", "39,2", "9,-2", "3,5"))]
    plain = [*(name for name in POSTGRES if name != "enum"), *limits, *numerics]
    domains = [f"of_{at}" for at, _ in enumerate(plain)]
    run(connection, *(f"CREATE DOMAIN {name} AS {kind}" for name, kind in zip(domains, plain, strict=True)))
    types = [*plain, *domains, *(f"{kind}[]" for kind in plain)]
    run(connection, f"CREATE TABLE child ({', '.join(f'c{at} {kind}' for at, kind in enumerate(types))})")
    asked = "SELECT attname, penstock.form_of(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'child'::regclass"
    forms = dict(run(connection, f"{asked} AND attnum > 0"))
    of_form: dict[str, set[str]] = {}
    for _, name, sql_type, is_domain, enum, *_ in read_columns(connection, "public.child"):
        field = field_of(name, sql_type, enum=enum, is_domain=is_domain)
        of_form.setdefault(forms[name], set()).add(f"{field.dataType} {field.metadata}")
    run(connection, "DROP TABLE child", f"DROP DOMAIN {', '.join(domains)}")
    limited = {kind for form, kinds in of_form.items() if form.endswith("decimal") for kind in kinds}
    assert all(kind.lower().startswith(("decimal", "array")) for kind in limited)
    assert {form: kinds for form, kinds in of_form.items() if len(kinds) > 1 and not form.endswith("decimal")} == {}


def test_a_type_of_another_form_is_noted_for_a_table_in_partitions_and_where_no_trigger_sees_it(
    connection: Connection,
) -> None:
    run(connection, "ALTER TABLE plain ADD v cidr", "ALTER TABLE parted ADD v cidr")
    run(connection, "ALTER EVENT TRIGGER penstock_after_ddl DISABLE")
    run(connection, *(f"ALTER TABLE {table} ALTER v TYPE inet" for table in ("plain", "parted")))
    run(connection, "ALTER EVENT TRIGGER penstock_after_ddl ENABLE ALWAYS", "SELECT penstock.look()")
    what = "column v is of type inet now, and no row was written anew"
    assert sorted(noted(connection)) == [(PARTED, what), (PLAIN, what)]


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (["ALTER TABLE plain DROP COLUMN size, ADD COLUMN size int"], ["size is another column now than it was"]),
        (
            ["ALTER TABLE plain DROP COLUMN size", "ALTER TABLE plain ADD COLUMN size int"],
            ["size is another column now than it was"],
        ),
        (
            [
                "ALTER TABLE plain ADD COLUMN new_size int",
                "UPDATE plain SET new_size = size * 10",
                "ALTER TABLE plain DROP COLUMN size",
                "ALTER TABLE plain RENAME COLUMN new_size TO size",
            ],
            ["column new_size was renamed to size", "size is another column now than it was"],
        ),
        (
            ['ALTER TABLE plain RENAME COLUMN size TO "a b"', 'ALTER TABLE plain RENAME COLUMN "a b" TO size'],
            ['column size was renamed to "a b"', 'column "a b" was renamed to size'],
        ),
        (["ALTER TABLE plain DROP COLUMN size", "DELETE FROM plain"], []),
        (["ALTER TABLE plain DROP COLUMN size, ADD COLUMN size inet"], ["size is another column now than it was"]),
    ],
)
def test_a_name_that_another_column_has_now_is_noted(
    connection: Connection, statements: list[str], said: list[str]
) -> None:
    run(connection, *statements)
    run(connection, "ALTER TABLE plain ADD COLUMN unrelated text")
    assert noted(connection) == [(PLAIN, what) for what in said]


def test_names_that_columns_have_changed_are_noted_where_nothing_tells_of_each_statement(
    connection: Connection,
) -> None:
    swap = [
        "ALTER TABLE plain ADD COLUMN title text",
        "ALTER TABLE plain RENAME COLUMN name TO between",
        "ALTER TABLE plain RENAME COLUMN title TO name",
        "ALTER TABLE plain RENAME COLUMN between TO title",
    ]
    run(connection, "ALTER EVENT TRIGGER penstock_after_ddl DISABLE")
    run(connection, "SELECT penstock.look()", *swap[:1], "SELECT penstock.look()", *swap[1:], "SELECT penstock.look()")
    run(connection, "ALTER EVENT TRIGGER penstock_after_ddl ENABLE ALWAYS")
    assert {what for _, what in noted(connection)} == {
        "column name was renamed to title",
        "column title was renamed to name",
        "name is another column now than it was",
        "title is another column now than it was",
    }


def test_the_columns_of_a_table_that_left_are_not_remembered(connection: Connection) -> None:
    withdraw(connection, PLAIN)
    run(connection, "ALTER TABLE plain DROP COLUMN size, ADD COLUMN size int")
    publish(connection, [PLAIN])
    run(connection, "ALTER TABLE plain ADD COLUMN unrelated text")
    assert "another column" not in str(noted(connection))


ALL_TRIGGERS = ("after_ddl", "before_rewrite", "refuse_unfit", "refuse_renamed")
OFF_AND_ON = [
    pytest.param(
        (
            [f"ALTER EVENT TRIGGER penstock_{name} DISABLE" for name in ALL_TRIGGERS],
            [f"ALTER EVENT TRIGGER penstock_{name} ENABLE ALWAYS" for name in ALL_TRIGGERS],
        ),
        id="disabled",
    ),
    pytest.param(
        (["SET event_triggers = off"], ["RESET event_triggers"]),
        id="setting",
        marks=pytest.mark.skipif(major_version() < 17, reason="the setting came with Postgres 17"),
    ),
]


@pytest.mark.parametrize("looks", ["SELECT penstock.look()", "CREATE TABLE child (id int)"])
@pytest.mark.parametrize("switch", OFF_AND_ON)
@pytest.mark.parametrize(
    ("statement", "table", "what"),
    [
        ("ALTER TABLE plain ALTER name TYPE text USING upper(name)", PLAIN, "all rows of public.plain were rewritten"),
        ("ALTER TABLE plain ADD t uuid DEFAULT gen_random_uuid()", PLAIN, "all rows of public.plain were rewritten"),
        ("ALTER TABLE parted ADD size bigserial", PARTED, "all rows of public.parted_1 were rewritten"),
        (
            "ALTER TABLE plain ADD rank int DEFAULT 7",
            PLAIN,
            "column rank was added with a value for the rows that were there",
        ),
        ("ALTER TABLE plain REPLICA IDENTITY DEFAULT", PLAIN, "public.plain had lost its REPLICA IDENTITY FULL"),
        (
            "ALTER TABLE plain DROP CONSTRAINT plain_pkey, ADD PRIMARY KEY (id) DEFERRABLE",
            PLAIN,
            "its primary key was made again, or of other columns",
        ),
    ],
)
def test_what_no_trigger_saw_is_noted_once_by_the_next_look(
    connection: Connection, statement: str, table: str, what: str, looks: str, switch: tuple[list[str], list[str]]
) -> None:
    """Also by the look at the DDL of somebody else, which is not refused for it."""
    off, on = switch
    run(connection, *off)
    run(connection, statement)
    assert not sees_ddl(connection)
    run(connection, *on)
    assert sees_ddl(connection)
    run(connection, looks)
    run(connection, "SELECT penstock.look()", "CREATE TABLE another (id int)", "DROP TABLE another")
    assert noted(connection) == [(table, what)]
    assert read_live_table(connection, table).not_full == ()


@pytest.mark.parametrize(
    "former",
    [
        ["DROP EVENT TRIGGER penstock_refuse_renamed"],
        [
            "DROP EVENT TRIGGER penstock_refuse_renamed",
            "CREATE EVENT TRIGGER penstock_refuse_renamed ON ddl_command_end WHEN TAG IN ('ALTER TABLE') "
            "EXECUTE FUNCTION penstock.refuse_renamed()",
            "ALTER EVENT TRIGGER penstock_refuse_renamed ENABLE ALWAYS",
        ],
    ],
)
def test_triggers_of_an_earlier_version_do_not_pass_for_those_of_now(connection: Connection, former: list[str]) -> None:
    run(connection, *former)
    assert not sees_ddl(connection)
    run(connection, (ROOT / "schemas/postgres/090_event_triggers.sql").read_text())
    assert sees_ddl(connection)


def test_a_rewrite_that_no_trigger_saw_is_noted_by_the_next_ddl_of_its_table(connection: Connection) -> None:
    trigger = "ALTER EVENT TRIGGER penstock_before_rewrite"
    run(connection, f"{trigger} DISABLE", "ALTER TABLE plain ALTER name TYPE text USING upper(name)")
    run(connection, f"{trigger} ENABLE ALWAYS")
    run(connection, "ALTER TABLE plain ADD COLUMN note text")
    assert noted(connection) == [(PLAIN, "all rows of public.plain were rewritten")]


@pytest.mark.parametrize("switch", OFF_AND_ON)
def test_what_writes_the_same_rows_elsewhere_is_not_noted(
    connection: Connection, switch: tuple[list[str], list[str]]
) -> None:
    off, on = switch
    run(connection, *off, "TRUNCATE parted_1", "CLUSTER plain USING plain_pkey", *on)
    run(connection, "CREATE TABLE child (id int)", "ALTER TABLE plain ADD COLUMN note text")
    run(connection, "SELECT penstock.look()", "CLUSTER plain USING plain_pkey", "SELECT penstock.look()")
    run(connection, "ALTER TABLE plain ADD COLUMN rank int", "SELECT penstock.look()")
    assert noted(connection) == []


def test_a_rewrite_by_a_transaction_that_does_not_see_the_table_published_is_noted(
    connection: Connection, config: Config
) -> None:
    run(connection, "CREATE TABLE child (id int PRIMARY KEY, n int)", "INSERT INTO child VALUES (1, 1)")
    with closing(psycopg2.connect(config.postgres.dsn, connection_factory=OURS_IN_POSTGRES)) as long:
        long.set_session(ISOLATION_LEVEL_REPEATABLE_READ)
        with long.cursor() as cursor:
            cursor.execute("SELECT 1")
            publish(connection, ["public.child"])
            cursor.execute("ALTER TABLE child ALTER n TYPE bigint USING n * 10")
        long.commit()
    run(connection, "CREATE TABLE another (id int)", "DROP TABLE another")
    assert [change.what for change in silent_changes(connection, ["public.child"])] == [
        "all rows of public.child were rewritten"
    ]
    withdraw(connection, "public.child")


def altered(connection: Connection) -> int:
    ((times,),) = run(connection, "SELECT times FROM penstock.altered_columns WHERE table_name = 'public.plain'")
    return int(times)


def test_a_table_that_looks_as_before_was_altered_all_the_same(connection: Connection) -> None:
    before = altered(connection)
    run(connection, "ALTER TABLE plain ADD COLUMN note text", "ALTER TABLE plain DROP COLUMN note")
    assert altered(connection) == before + 2
    run(connection, "ALTER TABLE plain RENAME COLUMN size TO length", "ALTER TABLE plain RENAME COLUMN length TO size")
    assert altered(connection) == before + 4
    run(connection, "ALTER TABLE plain ADD CONSTRAINT positive CHECK (size > 0)", "CREATE TABLE child (id int)")
    assert altered(connection) == before + 4


def test_ddl_of_one_session_does_not_wait_for_that_of_another(connection: Connection, config: Config) -> None:
    with (
        closing(psycopg2.connect(config.postgres.dsn, connection_factory=OURS_IN_POSTGRES)) as other,
        other.cursor() as cursor,
    ):
        cursor.execute("CREATE TABLE unfinished (id int)")
        run(
            connection,
            "SET lock_timeout = '5s'",
            "ALTER TABLE plain ADD COLUMN note text",
            "CREATE TABLE child (id int)",
        )
        other.rollback()


def test_a_rollback_takes_the_note_with_it(connection: Connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE plain ALTER COLUMN size TYPE bigint USING size * 10")
    connection.rollback()
    assert noted(connection) == []


def test_partitions_that_bring_or_take_rows_are_noted(connection: Connection) -> None:
    run(
        connection,
        "CREATE TABLE parted_2 (id int, day date, PRIMARY KEY (id, day))",
        "INSERT INTO parted_2 VALUES (2, '2026-02-05')",
    )
    run(connection, "ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')")
    run(connection, "ALTER TABLE parted DETACH PARTITION parted_1")
    run(connection, "DROP TABLE parted_2")
    assert noted(connection) == [
        (PARTED, "partition public.parted_2 came with rows"),
        (PARTED, "partition public.parted_1 went, perhaps with rows"),
        (PARTED, "partition public.parted_2 went, perhaps with rows"),
    ]


def test_a_new_partition_tells_whole_old_rows(connection: Connection) -> None:
    run(connection, "CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')")
    assert read_live_table(connection, PARTED).not_full == ()


@pytest.mark.parametrize("table", ["plain", "parted_1"])
def test_a_published_table_cannot_lose_its_replica_identity(connection: Connection, table: str) -> None:
    with pytest.raises(
        psycopg2.errors.RaiseException, match=rf"table public\.{table} feeds views.*\n.*penstock views drop"
    ):
        run(connection, f"ALTER TABLE {table} REPLICA IDENTITY DEFAULT")
    assert read_live_table(connection, f"public.{table}").not_full == ()


def test_what_no_view_needs_any_more_is_free_again(connection: Connection) -> None:
    withdraw(connection, PLAIN)
    run(connection, "ALTER TABLE plain REPLICA IDENTITY DEFAULT")
    assert all("DELETE" not in line for line in decoded(connection, "TRUNCATE plain"))


@pytest.mark.parametrize(
    ("statement", "rows"), [("TRUNCATE plain", 10), ("TRUNCATE parted", 1), ("TRUNCATE parted_1", 1)]
)
def test_a_truncate_tells_of_each_row_that_goes(connection: Connection, statement: str, rows: int) -> None:
    lines = decoded(connection, statement)
    assert sum("DELETE: id" in line for line in lines) == rows
    assert run(connection, "SELECT count(*) FROM " + statement.split()[1]) == [(0,)]
    assert noted(connection) == []


def test_a_truncate_asks_no_foreign_key_and_no_other_trigger(connection: Connection) -> None:
    run(
        connection,
        "CREATE TABLE child (id int PRIMARY KEY, plain_id int REFERENCES plain)",
        "INSERT INTO child VALUES (1, 1)",
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'asked'; END $$",
        "CREATE TRIGGER refuse BEFORE DELETE ON plain FOR EACH ROW EXECUTE FUNCTION refuse()",
    )
    assert sum("DELETE: id" in line for line in decoded(connection, "TRUNCATE plain CASCADE")) == 10
    assert run(connection, "SELECT count(*) FROM child") == [(0,)]
    run(connection, "DROP TABLE plain CASCADE", "DROP FUNCTION refuse")


@pytest.fixture
def narrow(connection: Connection) -> Iterator[None]:
    """Let a role that is no superuser own the functions, as in a Postgres of others, and let policies hide rows."""
    functions = ("delete_before_truncate()", "holds_rows(oid)")
    run(
        connection,
        "CREATE ROLE narrow",
        "GRANT SET ON PARAMETER session_replication_role TO narrow",
        "GRANT ALL ON SCHEMA penstock TO narrow",
        "GRANT ALL ON ALL TABLES IN SCHEMA penstock, public TO narrow",
        *(f"ALTER FUNCTION penstock.{name} OWNER TO narrow" for name in functions),
        "ALTER FUNCTION penstock.holds_rows(oid) SECURITY DEFINER",
        "ALTER TABLE plain ENABLE ROW LEVEL SECURITY",
    )
    yield
    connection.rollback()
    run(
        connection,
        "REASSIGN OWNED BY narrow TO postgres",
        "ALTER FUNCTION penstock.holds_rows(oid) SECURITY INVOKER",
        "DROP OWNED BY narrow",
        "DROP ROLE narrow",
    )


@pytest.mark.usefixtures("narrow")
def test_a_truncate_whose_rows_a_policy_hides_from_our_role_is_noted(connection: Connection) -> None:
    run(connection, "TRUNCATE plain")
    assert noted(connection) == [(PLAIN, "TRUNCATE took its rows")]


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("setting", ["on", "off"])
def test_a_partition_whose_rows_a_policy_hides_from_our_role_is_noted(connection: Connection, setting: str) -> None:
    """With `off`, as pg_restore sets it, Postgres would refuse to look for a row."""
    run(
        connection,
        "CREATE TABLE parted_2 (id int, day date, PRIMARY KEY (id, day))",
        "INSERT INTO parted_2 VALUES (2, '2026-02-05')",
        "ALTER TABLE parted_2 ENABLE ROW LEVEL SECURITY",
        "GRANT SELECT ON parted_2 TO narrow",
        f"SET LOCAL row_security = {setting}",
        "ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')",
    )
    assert noted(connection) == [(PARTED, "partition public.parted_2 came with rows")]


@pytest.fixture
def narrow_owner(connection: Connection) -> None:
    """Let that role look, and own the tables, but not what others make or give away."""
    owned = ("TABLE plain", "TABLE parted", "TABLE parted_1", *(f"FUNCTION penstock.{name}()" for name in LOOKS))
    run(connection, *(f"ALTER {each} OWNER TO narrow" for each in owned))


LOOKS = ("look", "after_ddl")
SECOND = "CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')"
MISSED = "belongs to postgres, so Penstock misses old rows or a TRUNCATE of it (`penstock doctor` names the cure)"


@pytest.mark.usefixtures("narrow", "narrow_owner")
@pytest.mark.parametrize("is_seen", [True, False])
def test_a_partition_of_another_owner_is_noted_and_stops_no_look_and_no_ddl(
    connection: Connection, is_seen: bool
) -> None:
    off, on = (f"ALTER EVENT TRIGGER penstock_after_ddl {state}" for state in ("DISABLE", "ENABLE ALWAYS"))
    run(connection, *([SECOND] if is_seen else [off, SECOND, on]))
    run(connection, "CREATE TABLE child (id int)", "ALTER TABLE parted_2 ADD CHECK (id > 0)", "SELECT penstock.look()")
    assert noted(connection).count((PARTED, f"public.parted_2 {MISSED}")) == 1
    run(connection, "ALTER TABLE parted_2 OWNER TO narrow")
    assert read_live_table(connection, PARTED).not_full == ()
    run(connection, "TRUNCATE penstock.silent_changes", "SELECT penstock.look()")
    assert noted(connection) == []


@pytest.mark.usefixtures("narrow", "narrow_owner")
def test_a_table_that_was_given_away_is_noted_until_what_it_lost_is_there_again(connection: Connection) -> None:
    run(connection, "ALTER TABLE plain OWNER TO postgres", "SELECT penstock.look()")
    assert noted(connection) == []
    run(connection, "ALTER TABLE plain DISABLE TRIGGER penstock_truncate", "SELECT penstock.look()")
    forget_changes(connection, silent_changes(connection, [PLAIN]))
    assert noted(connection) == [(PLAIN, f"public.plain {MISSED}")]


@pytest.mark.usefixtures("narrow", "narrow_owner")
@pytest.mark.parametrize("looks", [[], ["SELECT penstock.look()"]])
def test_a_partition_that_went_to_another_owner_is_theirs_to_empty(connection: Connection, looks: list[str]) -> None:
    run(connection, "CREATE ROLE archive", "GRANT USAGE ON SCHEMA public TO archive")
    run(connection, "ALTER EVENT TRIGGER penstock_after_ddl DISABLE")
    run(connection, "ALTER TABLE parted DETACH PARTITION parted_1", "ALTER TABLE parted_1 OWNER TO archive")
    run(connection, "ALTER EVENT TRIGGER penstock_after_ddl ENABLE ALWAYS")
    run(connection, *looks, "SET LOCAL ROLE archive", "TRUNCATE parted_1")
    assert run(connection, "SELECT count(*) FROM parted_1") == [(0,)]
    run(connection, "SELECT penstock.look()", "DROP TABLE parted_1", "DROP OWNED BY archive", "DROP ROLE archive")
    assert (PARTED, "partition public.parted_1 went, perhaps with rows") in noted(connection)


def test_notes_are_forgotten_by_what_was_read(connection: Connection) -> None:
    run(connection, "ALTER TABLE plain ADD COLUMN rank int DEFAULT 7")
    read = silent_changes(connection, [PLAIN])
    run(connection, "ALTER TABLE plain ADD COLUMN level int DEFAULT 7")
    forget_changes(connection, read)
    assert [change.what for change in silent_changes(connection, [PLAIN])] == [
        "column level was added with a value for the rows that were there"
    ]


def test_the_set_up_again_notes_nothing(connection: Connection, config: Config) -> None:
    run(connection, "ALTER TABLE plain ADD COLUMN rank int DEFAULT 7")
    before = noted(connection)
    create_tables(Workspace(config))
    assert noted(connection) == before
