"""Connectors: how they are, what differs from their file, where they are, and what can be done to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from penstock.connect.api import ConnectApi, ConnectorNotFound
from penstock.connect.apply import Change, apply_connectors, diff_configs
from penstock.connect.files import ConnectorFile
from penstock.connect.secrets import hide_changes, hide_secrets, with_secrets
from penstock.console.hub import Hub
from penstock.console.look.connect import ConnectorView
from penstock.console.safety.guard import Caller
from penstock.errors import PenstockError, TerminalError


class ActionUnknown(TerminalError):
    """There is no such action."""

    def __init__(self, action: str) -> None:
        super().__init__(f"there is no action {action!r}; those there are: {', '.join(ACTIONS)}")


@dataclass(frozen=True)
class ConnectorDetail:
    """Everything of one connector; secrets are hidden. `differs` is None when no file of that name exists."""

    connector: ConnectorView
    config: dict[str, str]
    differs: tuple[Change, ...] | None
    offsets: tuple[dict[str, Any], ...]
    offsets_problem: str | None


def list_connectors(hub: Hub) -> list[ConnectorView]:
    """Return every connector, those that failed first, their secrets hidden.

    :raises NotSeen: Connect is away.
    """
    return [_safe(each) for each in _known(hub).values()]


def connector_detail(hub: Hub, name: str) -> ConnectorDetail:
    """Return everything of one connector.

    :raises ConnectorNotFound: there is none.
    """
    connector = _find(hub, name)
    file = _file_of(hub, name)
    differs = None if file is None else hide_changes(diff_configs(connector.config, file.config))
    offsets: tuple[dict[str, Any], ...] = ()
    problem = None
    try:
        offsets = hub.connect.offsets(name)
    except PenstockError as exc:
        problem = str(exc)
    return ConnectorDetail(_safe(connector), hide_secrets(connector.config), differs, offsets, problem)


def editable(hub: Hub, found: ConnectorDetail) -> dict[str, str]:
    """Return the configuration that an editor begins with, its secrets hidden: the file's, else the one that runs."""
    file = _file_of(hub, found.connector.name)
    return hide_secrets(file.config) if file else dict(found.config)


def _restart(api: ConnectApi, name: str) -> None:
    api.restart(name)


def _restart_failed(api: ConnectApi, name: str) -> None:
    api.restart(name, only_failed=True)


ACTIONS: Mapping[str, Callable[[ConnectApi, str], None]] = {
    "pause": ConnectApi.pause,
    "resume": ConnectApi.resume,
    "stop": ConnectApi.stop,
    "restart": _restart,
    "restart-failed": _restart_failed,
}


def act(hub: Hub, name: str, action: str, *, caller: Caller) -> None:
    """Do something to a connector.

    :raises ActionUnknown: there is no such action.
    :raises ConnectorNotFound: there is no such connector.
    """
    if action not in ACTIONS:
        raise ActionUnknown(action)

    def do() -> None:
        _find(hub, name)  # the worker takes a pause of an unknown connector without a word
        ACTIONS[action](hub.connect, name)

    hub.guard.perform(do, caller=caller, what=f"connector {action}", target=name)


def check_config(hub: Hub, name: str, config: Mapping[str, str], *, caller: Caller) -> tuple[tuple[str, str], ...]:
    """Ask Connect what is wrong with a configuration; nothing is applied, but Connect opens connections for it."""
    if "connector.class" not in config:
        return (("connector.class", "is missing; name the class of the connector"),)

    def validate() -> tuple[tuple[str, str], ...]:
        return hub.connect.validate(name, _with_secrets(hub, name, config)).problems

    return hub.guard.perform(validate, caller=caller, what="connector validate", target=name)


def apply_config(hub: Hub, name: str, config: Mapping[str, str], *, caller: Caller) -> str:
    """Validate and apply a configuration; return what that did."""

    def apply() -> str:
        file = ConnectorFile(name, _with_secrets(hub, name, config))
        (applied,) = apply_connectors(hub.connect, files=[file], timeout_s=30)
        return str(applied.outcome)

    return hub.guard.perform(apply, caller=caller, what="connector apply", target=name)


def _known(hub: Hub) -> dict[str, ConnectorView]:
    return hub.now.snapshot.connect.seen


def _find(hub: Hub, name: str) -> ConnectorView:
    found = _known(hub).get(name)
    if found is None:
        raise ConnectorNotFound(f"connector {name}", "there is none of that name")
    return found


def _safe(connector: ConnectorView) -> ConnectorView:
    return replace(connector, config=hide_secrets(connector.config))


def _file_of(hub: Hub, name: str) -> ConnectorFile | None:
    return next((each for each in hub.now.snapshot.known.connectors if each.name == name), None)


def _with_secrets(hub: Hub, name: str, config: Mapping[str, str]) -> dict[str, str]:
    """Put back what the editor and the API show hidden, of the file and of what runs."""
    running, file = (hub.now.snapshot.connect.value or {}).get(name), _file_of(hub, name)
    return with_secrets(config, *(each.config for each in (running, file) if each is not None))
