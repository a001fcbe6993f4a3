"""Users in Postgres: one transaction a page, and a row that would not change is not written: the WAL stays quiet."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from decimal import Decimal
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extras import Json, execute_values

from ingest.errors import IngestError
from ingest.user import UserRow, why_not_storable

_COLUMNS = tuple(column.name for column in fields(UserRow))
_OTHERS = tuple(name for name in _COLUMNS if name != "id")


def _list(names: Sequence[str], prefix: str = "") -> str:
    return ", ".join(prefix + name for name in names)


# Columns are named, never `users.*`: a column that somebody adds to the table is none of the loader's business.
_UPSERT = f"""
INSERT INTO public.users AS kept ({_list(_COLUMNS)}) VALUES %s
ON CONFLICT (id) DO UPDATE SET ({_list(_OTHERS)}) = ROW ({_list(_OTHERS, "EXCLUDED.")})
WHERE ({_list(_OTHERS, "kept.")}) IS DISTINCT FROM ({_list(_OTHERS, "EXCLUDED.")})
RETURNING id
"""  # noqa: S608 - made of the field names of UserRow

_KEEP_ASIDE = """
INSERT INTO loader.rejected_users (seed, page, position, reason, content) VALUES %s
ON CONFLICT DO NOTHING
"""


class DatabaseFailed(IngestError):
    """Postgres refused the connection or a statement."""

    def __init__(self, problem: BaseException) -> None:
        super().__init__(f"Postgres: {str(problem).strip() or type(problem).__name__}")


@dataclass(frozen=True)
class Rejected:
    """A user that is no valid row: where it was, why, and what it was (without secrets)."""

    seed: str
    page: int
    position: int
    reason: str
    content: Any


@contextmanager
def open_database(dsn: str) -> Iterator[Connection]:
    """Connect for one load.

    :param dsn: a libpq connection string or URI.
    :raises DatabaseFailed: when Postgres does not answer or refuses, here or in any statement inside the block.
    """
    try:
        database = psycopg2.connect(dsn, connect_timeout=10, application_name="penstock load_users")
    except psycopg2.Error as exc:
        raise DatabaseFailed(exc) from exc
    try:
        yield database
    except psycopg2.Error as exc:
        raise DatabaseFailed(exc) from exc
    finally:
        database.close()


def store_page(database: Connection, *, rows: Sequence[UserRow], rejected: Sequence[Rejected]) -> int:
    """Store one page in one transaction; no two rows may share an id.

    :returns: how many rows were written: new or changed.
    """
    with database, database.cursor() as cursor:
        if rejected:
            execute_values(cursor, _KEEP_ASIDE, [_aside(user) for user in rejected])
        if not rows:
            return 0
        return len(execute_values(cursor, _UPSERT, [_values(row) for row in rows], page_size=len(rows), fetch=True))


def _values(row: UserRow) -> tuple[Any, ...]:
    return tuple(Json(value) if isinstance(value, dict) else value for value in astuple(row))


def _aside(user: Rejected) -> tuple[Any, ...]:
    content = json.dumps(_storable(user.content), allow_nan=False)
    return (user.seed, user.page, user.position, _storable(user.reason), content)


def _storable(value: Any) -> Any:
    """Return the nearest value that jsonb takes: a user may be malformed in exactly the way that Postgres refuses."""
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, Decimal) or (isinstance(value, float) and not math.isfinite(value)):
        return str(value)
    if isinstance(value, str) and why_not_storable(value) is not None:
        return value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\u0000")
    return value
