"""What the source writes is what Postgres holds: beside defaults, under odd settings, with keys of every type.

All tables are filled by one `views apply`, each in several chunks or under settings of the database, and changed after.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cassandra.util import Duration

from penstock.postgres.connection import connect
from penstock.project.folders import Project
from penstock.registry.client import RegistryClient
from penstock.registry.decode import AvroDecoder
from penstock.topics.tail import TopicReader
from penstock.views.reread import ReReadFailed, Wanted, only_reread, reread
from tests.patience import PATIENCE_S
from tests.stack import Stack

pytestmark = pytest.mark.slow

SETTINGS = {
    "bytea_output": "escape",
    "intervalstyle": "sql_standard",
    "datestyle": "German, DMY",
    "extra_float_digits": "-15",
    "timezone": "Europe/Amsterdam",
}
MOMENTS = 25_000
"""More than six chunks: from the fifth on the driver would read in binary."""

TABLES = f"""
CREATE TYPE public.case_mood AS ENUM ('sad', 'happy');
CREATE DOMAIN public.case_later AS timestamptz(3);
CREATE DOMAIN public.case_amount AS numeric(12, 2);
CREATE TABLE public.case_defaults (
    id int PRIMARY KEY DEFAULT 7, status text DEFAULT 'new', n int DEFAULT 5, amount numeric(10, 2) DEFAULT 1.50,
    ok boolean DEFAULT true, at timestamptz(3) DEFAULT now()
);
INSERT INTO public.case_defaults VALUES (1, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE public.case_blobs (id int PRIMARY KEY, b bytea, i interval, r real, d double precision, l bytea[]);
INSERT INTO public.case_blobs VALUES
    (1, 'ab1234', '1 year 2 mons 3 days 04:05:06', 1.1, 0.1, '{{"ab1234"}}'),
    (2, 'abc', '3 days', 1e-45, 1e-323, '{{}}');
CREATE TABLE public.case_inc (id int, payload text, PRIMARY KEY (id) INCLUDE (payload));
INSERT INTO public.case_inc VALUES (1, 'x'), (2, NULL);
CREATE TABLE public.case_moments (id timestamptz(3) PRIMARY KEY, v int);
INSERT INTO public.case_moments
SELECT '1400-01-01 00:00:00.001+00'::timestamptz + n * interval '1 hour', n FROM generate_series(1, {MOMENTS}) n;
CREATE TABLE public.case_keys (
    ok boolean, mood public.case_mood, code char(4), name varchar(9), moment timestamp(3),
    instant timestamptz(3), later public.case_later, day date, clock time, price numeric(12, 3), digits numeric,
    amount public.case_amount, id uuid, address inet, net cidr, mac macaddr, bytes bytea, short smallint, long bigint,
    single real, twice double precision, doc jsonb, v int,
    PRIMARY KEY (ok, mood, code, name, moment, instant, later, day, clock, price, digits, amount, id, address,
        net, mac, bytes, short, long, single, twice, doc)
);
INSERT INTO public.case_keys
SELECT n % 2 = 0, mood, n % 3, 'n' || n % 5, at, at AT TIME ZONE 'UTC', at AT TIME ZONE 'UTC',
    date '1500-01-01' + n, time '00:00' + n * interval '1.000001 s', n / 8.0, n + 0.5, n / 4.0, md5(n::text)::uuid,
    ('10.0.' || n / 256 || '.' || n % 256)::inet, ('10.' || n % 256 || '.0.0/16')::cidr, '08:00:2b:01:02:03',
    decode(lpad(to_hex(n), 4, '0'), 'hex'), n % 7, n * 1000000000::bigint, n / 3.0, n / 7.0, to_jsonb(n), 0
FROM generate_series(1, 5000) n,
    LATERAL (SELECT (enum_range(NULL::public.case_mood))[1 + n / 7 % 2], timestamp '1500-01-01' + n * interval '1 ms')
        AS made (mood, at);
"""
VIEWS = '''"""Views of tables with values and keys of every kind."""

from penstock_views import Image, Row, row, view


@view("public.case_defaults", key=["id"])
def case_defaults(c: Image) -> Row:
    """Hold what is NULL beside a default."""
    return row(id=c.id, status=c.status, n=c.n, amount=c.amount, ok=c.ok, at=c.at)


@view("public.case_blobs", key=["id"])
def case_blobs(c: Image) -> Row:
    """Hold values whose text depends on settings."""
    return row(id=c.id, b=c.b, i=c.i, r=c.r, d=c.d, l=c.l)


@view("public.case_moments", key=["id"])
def case_moments(c: Image) -> Row:
    """Hold many chunks of moments."""
    return row(id=c.id, v=c.v)


@view("public.case_keys", key=[{key}])
def case_keys(c: Image) -> Row:
    """Hold keys of every type."""
    return row({columns}, v=c.v)
'''
_KEY = (
    "ok, mood, code, name, moment, instant, later, day, clock, price, digits, amount, id, address, net, mac, bytes,"
    " short, long, single, twice, doc"
)
KEY = [name.strip() for name in _KEY.split(",")]
NAMES = ("case_defaults", "case_blobs", "case_moments", "case_keys", "case_inc")

Select = tuple[str, str]
"""The same rows by SQL and by CQL."""

MILLIS = "(extract(epoch FROM {0}) * 1000)::bigint"
COMPARED: dict[str, Select] = {
    "case_defaults": (
        f"SELECT id, status, n, amount::text, ok, {MILLIS.format('at')} FROM public.case_defaults",
        "SELECT id, status, n, amount, ok, toUnixTimestamp(at) AS at FROM case_defaults",
    ),
    "case_inc": ("SELECT id, payload FROM public.case_inc", "SELECT id, payload FROM case_inc"),
    "case_moments": (
        f"SELECT {MILLIS.format('id')}, v FROM public.case_moments",
        "SELECT toUnixTimestamp(id) AS id, v FROM case_moments",
    ),
    "case_keys": (
        "SELECT ok, mood::text, rpad(code::text, 4), name, {moment}, {instant}, {later},"
        " day - date '1970-01-01', (extract(epoch FROM clock) * 1000000)::bigint, price::text, digits::text,"
        " amount::text, id::text, host(address), net::text, mac::text, encode(bytes, 'hex'), short, long,"
        " single::float8, twice, doc::text, v FROM public.case_keys".format(
            **{name: MILLIS.format(name) for name in ("moment", "instant", "later")}
        ),
        "SELECT ok, mood, code, name, toUnixTimestamp(moment) AS moment, toUnixTimestamp(instant) AS instant,"
        " toUnixTimestamp(later) AS later, day, clock, price, digits, amount, id, address, net, mac, bytes, short,"
        " long, single, twice, doc, v FROM case_keys",
    ),
}
PLAIN: dict[str, Callable[[Any], Any]] = {
    "Date": lambda value: value.days_from_epoch,
    "Time": lambda value: value.nanosecond_time // 1000,
    "bytes": bytes.hex,
    "Decimal": str,
    "UUID": str,
    "str": str,
}


def run(stack: Stack, *commands: str) -> str:
    return "".join(stack.run(f".venv/bin/penstock {command}").stdout for command in commands)


def pin(stack: Stack, settings: dict[str, str] | None) -> None:
    """Give the database settings of its own, or take them back, and let the source begin a new session."""
    for name in SETTINGS:
        value = f"SET {name} = '{settings[name]}'" if settings else f"RESET {name}"
        stack.sql(f"ALTER DATABASE {stack.config.postgres.database} {value}")
    run(stack, "connectors restart users-postgres-source")


@pytest.fixture(scope="module")
def filled(stack: Stack) -> Iterator[Stack]:
    """Make the tables under those settings, and their views live in one go."""
    project = Project.of(stack.config)
    file = project.views / "source_values.py"
    stack.sql(TABLES)
    pin(stack, SETTINGS)
    try:
        columns = ", ".join(f"{name}=c.{name}" for name in KEY)
        file.write_text(VIEWS.format(key=", ".join(f'"{name}"' for name in KEY), columns=columns))
        run(stack, "views new case_inc", "views write", "views check", "views apply")
        yield stack
    finally:
        pin(stack, None)
        file.unlink()
        (project.views / "case_inc.py").unlink(missing_ok=True)
        stack.drop(*NAMES)
        stack.sql("DROP TABLE " + ", ".join(f"public.{name}" for name in NAMES))
        stack.sql("DROP DOMAIN public.case_later, public.case_amount")
        stack.sql("DROP TYPE public.case_mood")


def rows_of(stack: Stack, view: str) -> tuple[set[tuple[Any, ...]], set[tuple[Any, ...]]]:
    """Return what a view must hold, and what it does."""
    sql, cql = COMPARED[view]
    found = stack.cql(cql.replace(" FROM ", f" FROM {stack.config.names.keyspace}."))
    plain = {
        tuple(PLAIN.get(type(value).__name__, lambda same: same)(value) for value in row.values()) for row in found
    }
    assert len(plain) == len(found)
    return set(exact_sql(stack, sql)), plain


def exact_sql(stack: Stack, query: str) -> list[tuple[Any, ...]]:
    """Ask Postgres in a session that writes every digit, whatever the database says."""
    return stack.sql(f"SET extra_float_digits = 1; SET bytea_output = 'hex'; {query}")


def wait_until_exact(stack: Stack, view: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        expected, actual = rows_of(stack, view)
        if expected == actual:
            return
        missing, extra = sorted(map(str, expected - actual)), sorted(map(str, actual - expected))
        assert time.monotonic() < deadline, f"missing {len(missing)} {missing[:3]}, extra {len(extra)} {extra[:3]}"
        time.sleep(0.5)


def test_null_beside_a_default_is_null(filled: Stack) -> None:
    filled.sql("INSERT INTO public.case_defaults (id) VALUES (2), (3)")
    filled.sql("UPDATE public.case_defaults SET status = NULL, n = NULL WHERE id = 2")
    filled.sql("UPDATE public.case_defaults SET at = NULL, ok = NULL, amount = NULL WHERE id = 3")
    wait_until_exact(filled, "case_defaults")
    expected, _ = rows_of(filled, "case_defaults")
    assert (1, None, None, None, None, None) in expected


def test_values_are_read_as_they_are_whatever_the_database_says(filled: Stack) -> None:
    # Each value twice: read by the fill, and from the log.
    filled.sql("INSERT INTO public.case_blobs SELECT id + 10, b, i, r, d, l FROM public.case_blobs")
    query = f"SELECT id, b, i, r, d, l FROM {filled.config.names.keyspace}.case_blobs"
    right = {
        1: (b"ab1234", Duration(14, 3, 14706 * 10**9), b"ab1234"),
        2: (b"abc", Duration(0, 3, 0), None),
    }
    deadline = time.monotonic() + PATIENCE_S
    while len(rows := {row["id"]: row for row in filled.cql(query)}) < 4:
        assert time.monotonic() < deadline, rows
        time.sleep(0.1)
    floats = {row[0]: row[1:] for row in exact_sql(filled, "SELECT id, r::float8, d FROM public.case_blobs")}
    for number, row in rows.items():
        blob, span, element = right[number % 10]
        assert (row["b"], row["i"]) == (blob, span)
        assert (row["l"] or [None])[0] == element
        assert (row["r"], row["d"]) == floats[number]


def test_the_columns_that_a_key_includes_are_none_of_it(filled: Stack) -> None:
    filled.sql("INSERT INTO public.case_inc VALUES (3, NULL), (4, 'y')")
    filled.sql("UPDATE public.case_inc SET payload = NULL WHERE id = 1")
    wait_until_exact(filled, "case_inc")
    with RegistryClient(filled.config.registry.url) as registry:
        reader = TopicReader(filled.config.kafka.bootstrap, AvroDecoder(registry))
        keys = [record.key.value for record in reader.from_beginning("app.public.case_inc", follow=False)]
    assert {tuple(key) for key in keys} == {("id",)}


def test_a_table_of_many_chunks_is_filled_exactly(filled: Stack) -> None:
    wait_until_exact(filled, "case_moments")
    filled.sql("DELETE FROM public.case_moments WHERE v % 3 = 0")
    wait_until_exact(filled, "case_moments")


def test_keys_of_every_type_are_filled_and_are_those_of_the_log(filled: Stack) -> None:
    wait_until_exact(filled, "case_keys")
    filled.sql("UPDATE public.case_keys SET v = 1 WHERE short = 1")
    filled.sql("UPDATE public.case_keys SET long = long + 1 WHERE short = 2")
    filled.sql("DELETE FROM public.case_keys WHERE short = 3")
    wait_until_exact(filled, "case_keys")


def test_verify_reads_the_same_values(filled: Stack) -> None:
    filled.penstock(f"verify {' '.join(NAMES)}")


def test_a_fill_that_postgres_refuses_says_why(filled: Stack) -> None:
    wanted = Wanted(("public.case_inc",), "1 / (id - id) = 1")
    why = pytest.raises(ReReadFailed, match=r"public\.case_inc: ERROR: division by zero")
    with connect(filled.config) as connection, only_reread(connection), why:
        reread(filled.config, connection, wanted, on_progress=lambda _: None)
