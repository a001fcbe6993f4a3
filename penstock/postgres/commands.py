"""The commands that change an installation: one at a time, from wherever it is run, and what became of those cut off.

The right to change is an advisory lock of Postgres, so a host and its containers share it. It ends with the session of
the command, however that ends. What has started stands in `penstock.commands` (schemas/postgres/070_state.sql) until it
comes to its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg2 import errors

from penstock.postgres.own import Connection

_TAKE = "SELECT pg_try_advisory_lock(%s)"
_LET_GO = "SELECT pg_advisory_unlock(%s)"
# Postgres ends no session for holding the lock alone (before 14 it has no such setting), one of a dead machine soon.
_STAY = """
    SELECT set_config(name, wanted, false) FROM pg_settings JOIN (VALUES
        ('idle_session_timeout', '0'), ('tcp_keepalives_idle', '30'), ('tcp_keepalives_interval', '10'),
        ('tcp_keepalives_count', '3')
    ) AS pinned (name, wanted) USING (name)
"""
_NOTE = """
    INSERT INTO penstock.commands (command, place, session) VALUES (%s, %s, pg_backend_pid())
    ON CONFLICT (command) DO UPDATE
        SET place = excluded.place, session = excluded.session, step = '', begun_at = excluded.begun_at
"""
_STEP = "UPDATE penstock.commands SET step = %s WHERE command = %s"
_END = "DELETE FROM penstock.commands WHERE command = %s"
_END_ALL = "DELETE FROM penstock.commands"
# penstock views drop|repair|rebuild|… VIEW…: behind the first view of `repair` comes a key.
_FORGET = """
    DELETE FROM penstock.commands
    WHERE (string_to_array(command, ' '))[4] = ANY(%(views)s)
        OR (command LIKE 'penstock views drop %%' OR command LIKE 'penstock views rebuild %%')
            AND string_to_array(command, ' ') && %(views)s
"""
# The lock's number is in two halves there.
_STARTED = """
    SELECT command, place, step, begun_at, session IN (
        SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted
            AND (classid::bigint << 32) + objid::bigint = %s
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    )
    FROM penstock.commands ORDER BY begun_at
"""


@dataclass(frozen=True)
class Command:
    """One command that has not come to its end.

    :param place: the process that runs it, or ran it.
    :param step: the last one that it has done; empty before the first.
    :param is_at_work: it goes on; else it was cut off.
    """

    command: str
    place: str
    step: str
    started_at: datetime
    is_at_work: bool

    def __str__(self) -> str:
        return f"`{self.command}` ({self.place}, since {self.started_at:%H:%M:%S})"


def take_turn(connection: Connection) -> bool:
    """Take the right to change the installation, for as long as the session lasts; return whether it was free."""
    with connection.cursor() as cursor:
        cursor.execute(_STAY)
        cursor.execute(_TAKE, (connection.names.command_lock,))
        return cursor.fetchone() == (True,)


def end_turn(connection: Connection) -> None:
    """Give the right back."""
    with connection.cursor() as cursor:
        cursor.execute(_LET_GO, (connection.names.command_lock,))


def note_command(connection: Connection, command: str, place: str) -> bool:
    """Note that a command begins; return False before the first set-up, which makes the place for that."""
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(connection.own(_NOTE), (command, place))
    except errors.UndefinedTable:
        return False
    return True


def note_step(connection: Connection, command: str, step: str) -> None:
    """Note that a command has done a step."""
    with connection, connection.cursor() as cursor:
        cursor.execute(connection.own(_STEP), (step, command))


def note_end(connection: Connection, command: str, *, of_all: bool = False) -> None:
    """Note that a command came to its end.

    :param of_all: it made good whatever was cut off before.
    """
    with connection, connection.cursor() as cursor:
        cursor.execute(connection.own(_END_ALL if of_all else _END), None if of_all else (command,))


def forget_commands(connection: Connection, views: Sequence[str]) -> None:
    """Forget what was cut off and names a view of which nothing is left: it cannot be run again."""
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(connection.own(_FORGET), {"views": list(views)})
    except errors.UndefinedTable:
        return


def read_commands(connection: Connection) -> list[Command]:
    """Return the commands that have not come to their end, the earliest first; none before the first set-up."""
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(connection.own(_STARTED), (connection.names.command_lock,))
            return [Command(*row) for row in cursor.fetchall()]
    except errors.UndefinedTable:
        return []
