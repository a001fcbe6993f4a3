"""Stops the parts of a stack in the order of their needs, and deletes its state; nothing is asked of the servers."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from pathlib import Path

from penstock.config import Config
from penstock.errors import TerminalError
from penstock.layout import Layout
from penstock.stack import stack
from penstock.stack.elsewhere import NotSupervised
from penstock.stack.named import NOTE, refuse_unnoted
from penstock.stack.part import Part
from penstock.stack.processes import sweep
from penstock.stack.supervisor import Supervisor
from penstock.wait import wait_until


class StateLeft(TerminalError):
    """Files of the state could not be deleted."""

    def __init__(self, state: Path, failed: Sequence[tuple[str, str]]) -> None:
        first, cause = failed[0]
        more = f", and {len(failed) - 1} more" if len(failed) > 1 else ""
        super().__init__(
            f"the stack is stopped, but not all of {state} could be deleted: {first} ({cause}){more}\n"
            "  What to do: penstock reset --yes, as the user whose files they are (`sudo` made those of root)"
        )


def stop(config: Config, *, on_stopped: Callable[[str], None]) -> None:
    """Stop everything in the right order and keep the data; what is not running is no error.

    :raises NotSupervised: the parts are not ours to stop.
    """
    _refuse_containers(config)
    layout = Layout.of(config)
    supervisor = Supervisor(layout)
    if supervisor.is_running():
        stop_all(stack.parts(config), steps=stack.step_needs(config), supervisor=supervisor, on_stopped=on_stopped)
        supervisor.shutdown()
    sweep(layout.state)


def refuse_reset(config: Config) -> None:
    """Make sure that the stack and its state folder are ours to stop and delete.

    :raises NotSupervised, OtherName, StateForeign: they are not.
    """
    _refuse_containers(config)
    refuse_unnoted(config)


def _refuse_containers(config: Config) -> None:
    if not config.supervised:
        raise NotSupervised("`docker compose down` stops them, with `--volumes` it deletes their data")


def reset(config: Config, *, on_stopped: Callable[[str], None]) -> None:
    """Stop everything and delete the state folder with all data.

    :raises StateLeft: something of it could not be deleted.
    """
    stop(config, on_stopped=on_stopped)
    if failed := _delete(config.state_dir):
        raise StateLeft(config.state_dir, failed)


def _delete(state: Path) -> list[tuple[str, str]]:
    """Delete a state folder; return what could not be deleted, and why.

    The note comes last: without it, what is left could not be reset again.
    """
    failed: list[tuple[str, str]] = []

    def note(path: object, cause: BaseException) -> None:
        if not isinstance(cause, FileNotFoundError):
            failed.append((str(path), getattr(cause, "strerror", None) or str(cause)))

    def delete_folder(folder: Path) -> None:
        shutil.rmtree(folder, onerror=lambda _, path, error: note(path, error[1]))

    for each in [each for each in state.glob("*") if each.name != NOTE]:
        if each.is_dir() and not each.is_symlink():
            delete_folder(each)
            continue
        try:
            each.unlink()
        except OSError as exc:
            note(each, exc)
    if not failed:
        delete_folder(state)
    return failed


def stop_all(
    parts: Sequence[Part],
    *,
    steps: Mapping[str, Sequence[str]],
    supervisor: Supervisor,
    on_stopped: Callable[[str], None],
    only: AbstractSet[str] | None = None,
) -> None:
    """Stop every part once nothing that needs it runs any more: wave by wave, each wave at once.

    :param steps: what each needs; a part may need one.
    :param only: of those that run, stop these and what needs them.
    """
    needs = all_needs(parts, steps)
    # A supervisord of before an upgrade does not know the parts that came with it.
    known = supervisor.states()
    remaining = {part.name for part in parts if part.name in known}
    if only is not None:
        remaining = {name for name in remaining if known[name].runs and only & {name, *needs[name]}}
    while remaining:
        wave = {name for name in remaining if not any(name in needs[other] for other in remaining - {name})}
        for name in wave:
            supervisor.stop_process(name)
        for name in sorted(wave):
            wait_until(partial(_is_stopped, supervisor, name), timeout_s=120, what=f"{name} stops")
            on_stopped(name)
        remaining -= wave


def all_needs(parts: Sequence[Part], steps: Mapping[str, Sequence[str]]) -> dict[str, set[str]]:
    """Return for each part and step all that must outlive it: what it needs or uses, directly or through others."""
    direct = {name: {*needs} for name, needs in steps.items()}
    direct |= {part.name: {*part.needs, *part.stops_before} for part in parts}

    def closure(name: str) -> set[str]:
        return direct[name].union(*(closure(need) for need in direct[name]))

    return {name: closure(name) for name in direct}


def _is_stopped(supervisor: Supervisor, name: str) -> bool:
    return supervisor.state(name).state in {"STOPPED", "EXITED", "FATAL"}
