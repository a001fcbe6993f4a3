"""supervisord keeps the processes of a stack: this writes its configuration, starts it and speaks to it.

It starts nothing by itself (autostart off): `up` starts the parts in dependency order. Whatever dies is restarted.
Protocol: supervisord's XML-RPC API over a Unix socket, https://supervisord.org/api.html.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xmlrpc.client
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import Faults, SupervisorTransport

from penstock.environment import PART_MARK, taken_from
from penstock.errors import TerminalError, TransientError, Unreachable
from penstock.layout import VENV_BIN, Layout
from penstock.stack.build import build_of
from penstock.stack.part import Part
from penstock.stack.processes import STATE_MARK, build_mark_of, command_of
from penstock.wait import wait_until

_AWAY = (OSError, HTTPException, xmlrpc.client.Error)
_STOPPED = {"STOPPED", "EXITED", "FATAL"}
_STOP_WAIT_S = 120.0
"""More than any part's `stop_wait_s`, after which supervisord kills it."""

_SUN_PATH_MAX = 100
"""A Unix socket's path has 108 bytes (unix(7)); supervisord adds a suffix while it binds."""


class StatePathTooLong(TerminalError):
    """The clone lies so deep that the supervisor's socket cannot be named."""

    def __init__(self, socket_path: Path) -> None:
        super().__init__(
            f"the path of the supervisor's socket is too long for the system (over {_SUN_PATH_MAX} characters):"
            f" {socket_path}\n  What to do: move the clone to a shorter path."
        )


class SupervisorUnreachable(Unreachable):
    """supervisord does not answer on its socket."""

    def __init__(self, socket_path: Path) -> None:
        super().__init__(f"the supervisor does not answer at {socket_path}", advice=". What to do: penstock up")


class StackOfOther(TerminalError):
    """supervisord's socket is another user's: whether the stack runs cannot be asked."""

    def __init__(self, socket_path: Path) -> None:
        try:
            owner = socket_path.owner()
        except (OSError, KeyError):
            owner = "root, perhaps"
        super().__init__(
            f"the stack belongs to another user ({owner}), whose supervisor may not be asked: {socket_path}\n"
            "  What to do: run the command as that user; as root: sudo"
        )


class SupervisorEnding(TransientError):
    """supervisord is being shut down, and takes no request any more."""

    def __init__(self, socket_path: Path) -> None:
        super().__init__(
            f"the supervisor at {socket_path} is about to end: another command stops the stack. What to do: penstock up"
        )


@dataclass(frozen=True)
class ProcessState:
    """What supervisord knows of one process; `state` is its word, RUNNING or BACKOFF or FATAL."""

    name: str
    state: str
    pid: int
    started_at_s: int
    exit_code: int
    reason: str

    @property
    def runs(self) -> bool:
        """Whether there is a process."""
        return self.state in {"RUNNING", "STARTING"}


class Supervisor:
    """A client of the stack's supervisord, which it can also start and end."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._socket = layout.run / "supervisor.sock"
        if len(str(self._socket)) > _SUN_PATH_MAX:
            raise StatePathTooLong(self._socket)

    def _call(self, method: str, *arguments: Any) -> Any:
        """Call one method; with a fresh connection, as the transport's is of no use after one failed call.

        :raises SupervisorEnding: it is being shut down.
        :raises StackOfOther: another user has started it.
        """
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        try:
            server = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
            return getattr(server.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as exc:
            if exc.faultCode == Faults.SHUTDOWN_STATE:
                raise SupervisorEnding(self._socket) from exc
            raise
        except PermissionError as exc:
            raise StackOfOther(self._socket) from exc
        finally:
            transport.close()

    def is_running(self) -> bool:
        """Return whether supervisord answers.

        :raises StackOfOther: nobody but its user knows.
        """
        try:
            return bool(self._call("getState"))
        except (*_AWAY, SupervisorEnding):
            return False

    def _is_ending(self) -> bool:
        try:
            self._call("getState")
        except SupervisorEnding:
            return True
        except _AWAY:
            pass
        return False

    def start(self, parts: Iterable[Part]) -> None:
        """Write the configuration; start supervisord, or let a running one take up what is new in it."""
        conf = self._write_configuration(list(parts))
        wait_until(lambda: not self._is_ending(), timeout_s=_STOP_WAIT_S, what="the supervisor of before ends")
        if self.is_running():
            self._take_up_changes()
            return
        environment = {**taken_from(os.environ), STATE_MARK: str(self._layout.state), PART_MARK: "supervisor"}
        command = [str(VENV_BIN / "supervisord"), "-c", str(conf)]
        subprocess.run(command, check=True, env=environment, stdin=subprocess.DEVNULL)
        wait_until(self.is_running, timeout_s=20, what="supervisord answers", log=self._layout.log("supervisord"))

    def shutdown(self) -> None:
        """End supervisord itself, once its processes are stopped."""
        self._call("shutdown")
        wait_until(lambda: not self.is_running(), timeout_s=30, what="supervisord ends")

    def start_process(self, name: str) -> None:
        """Start a process without waiting for it; one that runs, or is about to be started again, is left alone."""
        self._ask("startProcess", name, done=Faults.ALREADY_STARTED)

    def stop_process(self, name: str) -> None:
        """Ask a process to stop, without waiting for it; one that does not run is left alone."""
        self._ask("stopProcess", name, done=Faults.NOT_RUNNING)

    def _ask(self, method: str, name: str, *, done: int) -> None:
        """Ask for something that may be so already: a look before would be out of date when supervisord is asked."""
        try:
            self._call(method, name, False)
        except xmlrpc.client.Fault as exc:
            if exc.faultCode != done:
                raise

    def renew(self, part: Part, *, in_any_case: bool = False) -> bool:
        """Restart a process whose command or code is no longer the wanted one; return whether it was so.

        The rest of the stack runs on. A process that does not run is started.

        :param in_any_case: restart it, also when nothing of it has changed.
        """
        state = self.state(part.name)
        is_as_wanted = state.runs and command_of(state.pid) == list(part.command) and not _is_outdated(part, state)
        if is_as_wanted and not in_any_case:
            return False
        self._write_launch_file(part)
        self.stop_and_wait(part.name)
        self.start_process(part.name)
        return True

    def outdated(self, parts: Iterable[Part]) -> set[str]:
        """Name those whose process runs other code than they would be started with now."""
        states = self.states()
        known = [(part, states[part.name]) for part in parts if part.name in states and not part.one_shot]
        return {part.name for part, state in known if state.runs and _is_outdated(part, state)}

    def signal(self, name: str, signal: str) -> None:
        """Send a process a signal, such as HUP."""
        self._call("signalProcess", name, signal)

    def stop_and_wait(self, name: str) -> None:
        """Stop a process; return when it has ended, which supervisord sees to."""
        self.stop_process(name)
        wait_until(lambda: self.state(name).state in _STOPPED, timeout_s=_STOP_WAIT_S, what=f"{name} stops")

    def state(self, name: str) -> ProcessState:
        """Return what supervisord knows of one process."""
        return _process_state(self._call("getProcessInfo", name))

    def states(self) -> dict[str, ProcessState]:
        """Return what supervisord knows of every process, by name.

        :raises SupervisorUnreachable: when it does not answer.
        """
        try:
            return {info["name"]: _process_state(info) for info in self._call("getAllProcessInfo")}
        except _AWAY as exc:
            raise SupervisorUnreachable(self._socket) from exc

    def _take_up_changes(self) -> None:
        added, changed, removed = self._call("reloadConfig")[0]
        for name in removed:
            self._call("stopProcessGroup", name)
        # One that runs goes on as it was started.
        stopped = [name for name in changed if self.state(name).state in _STOPPED]
        for name in (*removed, *stopped):
            self._call("removeProcessGroup", name)
        for name in (*added, *stopped):
            self._call("addProcessGroup", name)

    def _write_configuration(self, parts: list[Part]) -> Path:
        run, logs = self._layout.run, self._layout.state / "logs"
        for folder in (run / "parts", logs):
            folder.mkdir(parents=True, exist_ok=True)
        for part in parts:
            self._write_launch_file(part)
        conf = run / "supervisord.conf"
        conf.write_text("\n".join([self._daemon_section(), *(self._program_section(part) for part in parts)]))
        return conf

    def _write_launch_file(self, part: Part) -> None:
        marks = {STATE_MARK: str(self._layout.state), PART_MARK: part.name}
        environment = {**self._layout.temporary_environment(part.name), **part.environment(), **marks}
        launch = {
            "command": list(part.command),
            "environment": environment,
            "runs": [str(place) for place in part.runs],
            "nice": part.nice,
            "timer_slack_ms": part.timer_slack_ms,
        }
        file = self._layout.launch_file(part.name)
        file.touch(mode=0o600)  # Airflow's environment holds its keys
        file.write_text(json.dumps(launch, indent=2))

    def _daemon_section(self) -> str:
        run = _escape(self._layout.run)
        return f"""
[supervisord]
logfile = {_escape(self._layout.log("supervisord"))}
pidfile = {run}/supervisord.pid
directory = {_escape(self._layout.state)}
[unix_http_server]
file = {run}/supervisor.sock
chmod = 0600
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""

    def _program_section(self, part: Part) -> str:
        return f"""
[program:{part.name}]
command = {_escape(sys.executable)} -m penstock.stack.launch {_escape(self._layout.launch_file(part.name))}
autostart = false
autorestart = {"false" if part.one_shot else "true"}
startsecs = {0 if part.one_shot else 2}
startretries = 1000000
stopsignal = {part.stop_signal}
stopwaitsecs = {part.stop_wait_s}
stopasgroup = false
killasgroup = true
redirect_stderr = true
stdout_logfile = {_escape(self._layout.log(part.name))}
stdout_logfile_maxbytes = 20MB
stdout_logfile_backups = 2
"""


def _is_outdated(part: Part, state: ProcessState) -> bool:
    return build_mark_of(state.pid) != build_of(part.runs)


def _escape(path: Path | str) -> str:
    """Write a path for supervisord's configuration, where a percent sign begins an expansion."""
    return str(path).replace("%", "%%")


def _process_state(fields: dict[str, Any]) -> ProcessState:
    return ProcessState(
        name=fields["name"],
        state=fields["statename"],
        pid=fields["pid"],
        started_at_s=fields["start"],
        exit_code=fields["exitstatus"],
        reason=fields["spawnerr"],
    )
