"""One command at a time changes a stack; a second one says which is at it, and ends.

Two locks: one of the kernel (flock(2)) in the state folder, which holds while no server runs. The other is in Postgres,
which a host and its containers share. Both end with the process that holds them, however that ends.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import psycopg2

from penstock.config import Config
from penstock.errors import TransientError
from penstock.layout import Layout
from penstock.postgres.commands import end_turn, note_command, note_end, note_step, read_commands, take_turn
from penstock.postgres.connection import PostgresUnreachable, connect
from penstock.postgres.own import Connection
from penstock.postgres.record import refuse_later_form
from penstock.stack.named import note_name, refuse_foreign, refuse_other_name

OnStep = Callable[[str, str], None]


class StackBusy(TransientError):
    """Another command is at it."""

    def __init__(self, command: str) -> None:
        super().__init__(f"{command} is at work on this stack; ask again when it has ended")


class Turn:
    """The turn of one command: notes in Postgres how far it is, for `penstock status`, should it be cut off.

    :param command: as it is run again.
    """

    def __init__(self, config: Config, command: str) -> None:
        self._config, self._command = config, command
        self._place = f"pid {os.getpid()} on {socket.gethostname()}"
        self._connection: Connection | None = None
        self._is_noted = self._has_done = False
        self._held = ExitStack()

    def take(self) -> None:
        """Take the turn in Postgres, where it answers; the start of a stack asks again when it does.

        :raises FormLater: a later version has set the installation up.
        :raises StackBusy: with the command that holds it.
        """
        if self._connection is not None:
            return
        try:
            connection = self._held.enter_context(connect(self._config))
        except (PostgresUnreachable, psycopg2.Error):
            return  # nobody else reaches it: the folder's lock is all that there is
        refuse_later_form(connection)
        connection.autocommit = True
        if not take_turn(connection):
            at_work = [str(each) for each in read_commands(connection) if each.is_at_work]
            raise StackBusy(", ".join(at_work) or "another command")
        self._connection = connection
        self._note()

    def noting(self, on_step: OnStep) -> OnStep:
        """Return what notes each step and then reports it."""

        def done(name: str, said: str) -> None:
            self._done(name)
            on_step(name, said)

        return done

    def end(self, *, of_all: bool = False) -> None:
        """Note that the command came to its end.

        :param of_all: it made good whatever was cut off before.
        """
        self._tell(lambda connection: note_end(connection, self._command, of_all=of_all))

    def refuse(self) -> None:
        """Note that nothing was done, if no step was."""
        if not self._has_done:
            self.end()

    def close(self) -> None:
        """Give the turn back."""
        if self._connection is not None:
            with suppress(psycopg2.Error):  # with its session it is given back anyway
                end_turn(self._connection)
        self._held.close()

    def _done(self, step: str) -> None:
        self._has_done = True
        self._tell(lambda connection: note_step(connection, self._command, step))

    def _tell(self, note: Callable[[Connection], None]) -> None:
        """Note something; where Postgres went away meanwhile, and the turn with it, take that once more first."""
        try:
            self._note(note)
        except psycopg2.Error:
            self._connection, self._is_noted = None, False
            self.take()
            self._note(note)

    def _note(self, note: Callable[[Connection], None] = lambda _: None) -> None:
        if self._connection is None:
            return
        # The first set-up makes the place for it.
        self._is_noted = self._is_noted or note_command(self._connection, self._command, self._place)
        if self._is_noted:
            note(self._connection)


@contextmanager
def alone(config: Config, command: str, *, ends_all: bool = False) -> Iterator[Turn]:
    """Hold the right to change the stack.

    :param command: for commands that come meanwhile, and to be run again if this is cut off.
    :param ends_all: at its end it has made good whatever was cut off before.
    :raises StackBusy: with the command that holds it.
    :raises FormLater: a later version has set the installation up.
    :raises OtherName: the stack is of another installation.
    :raises StateForeign: the state folder holds what is of no stack.
    """
    refuse_other_name(config)
    refuse_foreign(config)
    with _folder_held(config, command):
        note_name(config)
        with _turn(config, command, ends_all=ends_all) as turn:
            yield turn


@contextmanager
def _folder_held(config: Config, command: str) -> Iterator[None]:
    file = Layout.of(config).run / "command.lock"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            held.seek(0)
            raise StackBusy(held.read() or "another command") from exc
        held.truncate(0)
        held.write(f"`{command}` (pid {os.getpid()}, since {time.strftime('%H:%M:%S')})")
        held.flush()
        yield


@contextmanager
def _turn(config: Config, command: str, *, ends_all: bool) -> Iterator[Turn]:
    turn = Turn(config, command)
    try:
        turn.take()
        yield turn
        turn.end(of_all=ends_all)
    except Exception:
        turn.refuse()
        raise
    finally:
        turn.close()
