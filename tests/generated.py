"""Tables that nobody thought of: made by chance from a seed, with views and changes, and what the views must hold.

It shares nothing with the engine: what a view must hold is said in SQL, what it holds is read with plain CQL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

TYPES = """
CREATE SCHEMA "Gen Two";
CREATE TYPE public.gen_mood AS ENUM ('sad', 'o''dd', 'Fine "fine"');
CREATE TYPE "Gen Two"."Mood" AS ENUM ('a', 'B');
CREATE DOMAIN public.gen_positive AS integer CHECK (value > 0);
CREATE DOMAIN "Gen Two".money AS numeric(9, 2)
"""
TYPES_GONE = 'DROP SCHEMA "Gen Two" CASCADE; DROP DOMAIN public.gen_positive; DROP TYPE public.gen_mood'
_SCHEMAS = ("public", "Gen Two")
_NAMES = (
    *("amount", "Amount", "postal code", "größe", "2fa", "a-b", "class", "select", 'say "hi"', "from", "_x0041_"),
    *("Order", "naïve.dot", "plain", "row_number", "name", "Ünïcode 名", "percent %s", "back\\slash", "it's", "None"),
)
_MICROS = "(extract(epoch FROM {0}) * 1000000)::bigint"
_MILLIS = "(extract(epoch FROM {0}) * 1000)::bigint"
_DURATION = (
    "concat_ws(' ', (extract(year FROM {0}) * 12 + extract(month FROM {0}))::int, extract(day FROM {0})::int, "
    "(extract(hour FROM {0}) * 3600000000 + extract(minute FROM {0}) * 60000000"
    " + extract(microseconds FROM {0}))::bigint)"
)


@dataclass(frozen=True)
class Kind:
    """A type of Postgres, values of it as SQL literals, and how SQL and CQL show one alike.

    :param default: what a column of it may have as DEFAULT.
    """

    sql: str
    value: Callable[[Random], str]
    in_sql: str = "({0})::text"
    in_cql: str = "{0}"
    default: str | None = None
    is_key: bool = True


def _of(*literals: str) -> Callable[[Random], str]:
    return lambda random: random.choice(literals)


def _whole(least: int, most: int) -> Callable[[Random], str]:
    return lambda random: str(random.choice([least, most, random.randint(least, most), 0, 1]))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _text(random: Random) -> str:
    return _quoted("".join(random.choices("abc XYZ'\"\\%,/åé🙂\n", k=random.randint(0, 12))))


_KINDS = (
    Kind("smallint", _whole(-(2**15), 2**15 - 1), default="7"),
    Kind("integer", _whole(-(2**31), 2**31 - 1), default="5"),
    Kind("bigint", _whole(-(2**63), 2**63 - 1), default="-1"),
    Kind("public.gen_positive", _of("1", "1000", "2147483647"), default="3"),
    Kind("numeric(9,3)", _of("0", "1.5", "-99999.125", "12.340"), default="1.50"),
    Kind("numeric", _of("0", "10", "10.0", "1e20", "-0.001", "100", "1e2"), default="2.50"),
    Kind('"Gen Two".money', _of("1.25", "0", "-7.10")),
    Kind("real", _of("'0.1'", "'1e10'", "'-2.5'", "'Infinity'"), in_sql="({0})::float8", is_key=False),
    Kind("double precision", _of("'0.1'", "'1e300'", "'-2.5'", "'NaN'"), in_sql="{0}", is_key=False, default="0.5"),
    Kind("text", _text, default="'new'"),
    Kind("varchar(20)", _text, default="''"),
    Kind("char(5)", _of("'ab'", "''", "'abcde'"), in_sql="rpad(({0})::text, 5)"),
    Kind("boolean", _of("true", "false"), default="true"),
    Kind("uuid", lambda random: f"'{random.getrandbits(128):032x}'"),
    Kind("date", _of("'2024-02-29'", "'1969-12-31'", "'0001-01-01'", "'9999-12-31'"), default="'2000-01-01'"),
    Kind("time", _of("'00:00'", "'23:59:59.999999'", "'12:34:56'"), in_sql=_MICROS),
    Kind(
        "timestamp(3)", _of("'2024-02-29 12:00:00.123'", "'1969-12-31 23:59:59.999'"), _MILLIS, "toUnixTimestamp({0})"
    ),
    Kind(
        "timestamptz(3)",
        _of("'2024-02-29 12:00:00.123+05'", "'1969-12-31 23:59:59.999+00'"),
        _MILLIS,
        "toUnixTimestamp({0})",
        "now()",
    ),
    Kind("interval", _of("'1 year 2 mons 3 days 04:05:06'", "'1 day'", "'00:00'"), in_sql=_DURATION, is_key=False),
    Kind("bytea", _of(r"'\x00ff'", r"'\x616231323334'", "'ab1234'"), in_sql="encode({0}, 'hex')"),
    Kind("jsonb", _of('\'{"b": 1, "a": null}\'', "'[1, 2.50]'", "'\"x\"'"), is_key=False, default="'{}'"),
    Kind("json", _of("'{\"b\":  1}'", "'null'"), is_key=False),
    Kind("public.gen_mood", _of("'sad'", "'o''dd'", "'Fine \"fine\"'"), default="'sad'"),
    Kind('"Gen Two"."Mood"', _of("'a'", "'B'")),
    Kind("inet", _of("'10.0.0.1'", "'::1'"), in_sql="host({0})"),
    Kind("integer[]", _of("'{}'", "'{1,2,-3}'"), in_sql="to_json({0})", is_key=False),
    Kind("text[]", _of("'{}'", '\'{"a b","","ü"}\''), in_sql="to_json({0})", is_key=False, default="'{x}'"),
)


@dataclass(frozen=True)
class Column:
    """A column of a generated table."""

    name: str
    kind: Kind
    is_nullable: bool
    has_default: bool

    @property
    def quoted(self) -> str:
        """The name in SQL."""
        return quoted(self.name)

    @property
    def cql(self) -> str:
        """The name in CQL."""
        return quoted(plain_name(self.name))

    @property
    def definition(self) -> str:
        """What CREATE TABLE says of it."""
        default = f" DEFAULT {self.kind.default}" if self.has_default else ""
        return f"{self.quoted} {self.kind.sql}{default}{'' if self.is_nullable else ' NOT NULL'}"

    def value(self, random: Random) -> str:
        """Say a value that an INSERT or UPDATE may give it."""
        if self.has_default and random.random() < 0.3:
            return "DEFAULT"
        return "NULL" if self.is_nullable and random.random() < 0.3 else self.kind.value(random)


@dataclass(frozen=True)
class Table:
    """A generated table with its views: all columns by primary key, and again by another column first."""

    number: int
    schema: str
    name: str
    columns: tuple[Column, ...]
    key: tuple[Column, ...]
    is_partitioned: bool
    by: Column | None = field(default=None)

    @property
    def quoted(self) -> str:
        """Schema and name in SQL."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    @property
    def ddl(self) -> str:
        """The statements that create it."""
        parts = [*(column.definition for column in self.columns), f"PRIMARY KEY ({_names(self.key)})"]
        create = f"CREATE TABLE {self.quoted} ({', '.join(parts)})"
        if not self.is_partitioned:
            return create
        partitions = [
            f"CREATE TABLE {quoted(self.schema)}.{quoted(f'{self.name} {part}')} PARTITION OF {self.quoted} "
            f"FOR VALUES WITH (MODULUS 2, REMAINDER {part})"
            for part in range(2)
        ]
        return "; ".join([f"{create} PARTITION BY HASH ({self.key[0].quoted})", *partitions])

    @property
    def views(self) -> dict[str, tuple[Column, ...]]:
        """The keys of its row views, by name."""
        found = {f"gen_{self.number}": self.key}
        if self.by is not None:
            found[f"gen_{self.number}_by"] = (self.by, *self.key)
        return found

    @property
    def functions(self) -> str:
        """The functions of its views."""
        return "\n\n".join(self._function(name, key) for name, key in self.views.items())

    def _function(self, name: str, key: Sequence[Column]) -> str:
        columns = "".join(f"        {plain_name(each.name)!r}: r[{each.name!r}],\n" for each in self.columns)
        names = [plain_name(column.name) for column in key]
        table = f"{self.schema}.{self.name}"
        return (
            f"@view({table!r}, key={names!r})\ndef {name}(r: Image) -> Row:\n"
            f'    """Hold every column."""\n    return row(**{{\n{columns}    }})\n'
        )

    def expected(self, view: str) -> str:
        """Ask Postgres what a view must hold."""
        key = self.views[view]
        shown = ", ".join(_in_sql(column, is_key=column in key) for column in self.columns)
        # Cassandra has no partition under an empty text, nor under empty bytes.
        full = [f"octet_length({key[0].quoted}) > 0"] if key[0].kind.sql in _CAN_BE_EMPTY else []
        return f"SELECT {shown} FROM {self.quoted} {'WHERE ' + full[0] if full else ''}"

    def actual(self, view: str) -> str:
        """Ask Cassandra what a view holds."""
        shown = ", ".join(f"{each.kind.in_cql.format(each.cql)} AS c{at}" for at, each in enumerate(self.columns))
        return f"SELECT {shown} FROM penstock.{view}"

    def change(self, random: Random) -> str:
        """Say one statement that changes some of its rows."""
        match random.choices(["insert", "update", "move", "delete", "many", "truncate"], [6, 6, 3, 2, 2, 0.2])[0]:
            case "insert":
                return self.insert(random)
            case "update":
                return f"UPDATE {self.quoted} SET {self._assignments(random)} WHERE {self._one(random)}"
            case "move":
                moved = random.choice(self.key)
                return f"UPDATE {self.quoted} SET {moved.quoted} = {moved.kind.value(random)} WHERE {self._one(random)}"
            case "delete":
                return f"DELETE FROM {self.quoted} WHERE {self._one(random)}"
            case "truncate":
                return f"TRUNCATE {self.quoted}"
        some = f"md5(({_names(self.key)})::text || '{random.random()}') < '5'"
        return f"UPDATE {self.quoted} SET {self._assignments(random)} WHERE {some}"

    def insert(self, random: Random) -> str:
        """Say an INSERT of one row that may be there already."""
        values = ", ".join(column.value(random) for column in self.columns)
        return f"INSERT INTO {self.quoted} ({_names(self.columns)}) VALUES ({values}) ON CONFLICT DO NOTHING"

    def _assignments(self, random: Random) -> str:
        others = [column for column in self.columns if column not in self.key]
        chosen = random.sample(others, random.randint(1, min(3, len(others))))
        return ", ".join(f"{column.quoted} = {column.value(random)}" for column in chosen)

    def _one(self, random: Random) -> str:
        """Name one row, the same in each run with the same rows."""
        key = _names(self.key)
        picked = f"SELECT {key} FROM {self.quoted} ORDER BY md5(({key})::text || '{random.random()}') LIMIT 1"
        return f"({key}) = ({picked})"


_CAN_BE_EMPTY = {"text", "varchar(20)", "bytea"}


def table(random: Random, number: int) -> Table:
    """Make a table by chance."""
    names = random.sample(_NAMES, random.randint(3, 9))
    kinds = [random.choice(_KINDS) for _ in names]
    kinds[0] = random.choice([kind for kind in _KINDS if kind.is_key])
    kinds[1] = random.choice([kind for kind in _KINDS if not kind.is_key or kind.default])
    could_be_key = [at for at, kind in enumerate(kinds) if kind.is_key and at != 1]
    keyed = random.sample(could_be_key, random.randint(1, min(3, len(could_be_key))))
    columns = tuple(_column(random, name, kinds[at], is_key=at in keyed) for at, name in enumerate(names))
    key = tuple(columns[at] for at in keyed)
    others = [column for column in columns if column not in key and column.kind.is_key and not column.is_nullable]
    order = list(columns)
    random.shuffle(order)
    by = random.choice(others) if others else None
    name = random.choice([f"gen_{number}", f"Gen {number}", f"gen-{number}.x", f'"{number}"'])
    return Table(number, random.choice(_SCHEMAS), name, tuple(order), key, random.random() < 0.25, by)


def _column(random: Random, name: str, kind: Kind, *, is_key: bool) -> Column:
    has_default = kind.default is not None and random.random() < 0.5
    return Column(name, kind, is_nullable=not is_key and random.random() < 0.6, has_default=has_default)


def plain_name(name: str) -> str:
    """Write a Postgres name as ISO/IEC 9075-14 does, in ASCII letters, digits and `_`."""
    escaped = re.sub(r"_(?=x[0-9A-F]{4,6}_)", "_x005F_", name)
    return "".join(
        one if re.fullmatch("[A-Za-z_]", one) or (at and one in "0123456789") else f"_x{ord(one):04X}_"
        for at, one in enumerate(escaped)
    )


def quoted(name: str) -> str:
    """Quote a name, for SQL and CQL alike."""
    return '"' + name.replace('"', '""') + '"'


def shown(value: Any) -> str:
    """Write a value of either driver as the other would."""
    match type(value).__name__:
        case "Decimal":
            return f"{value:f}"
        case "Time":
            return str(value.nanosecond_time // 1000)
        case "Duration":
            return f"{value.months} {value.days} {value.nanoseconds // 1000}"
        case "bytes":
            return str(value.hex())
    return str(list(value)) if isinstance(value, (list, tuple)) else str(value)


def _names(columns: Sequence[Column]) -> str:
    return ", ".join(column.quoted for column in columns)


def _in_sql(column: Column, *, is_key: bool) -> str:
    # A key's digits are in their normal form.
    name = f"trim_scale({column.quoted})" if is_key and column.kind.sql == "numeric" else column.quoted
    return column.kind.in_sql.format(name)
