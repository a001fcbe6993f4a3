"""Stops the parts of a stack in the order of their needs, and deletes its state; nothing is asked of the servers."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from penstock.config import Config
from penstock.layout import Layout
from penstock.stack import stack
from penstock.stack.elsewhere import NotSupervised
from penstock.stack.part import Part
from penstock.stack.processes import sweep
from penstock.stack.supervisor import Supervisor
from penstock.wait import wait_until


def stop(config: Config, *, on_stopped: Callable[[str], None]) -> None:
    """Stop everything in the right order and keep the data; what is not running is no error.

    :raises NotSupervised: the parts are not ours to stop.
    """
    if not config.supervised:
        raise NotSupervised("`docker compose down` stops them, with `--volumes` it deletes their data")
    layout = Layout.of(config)
    supervisor = Supervisor(layout)
    if supervisor.is_running():
        stop_all(stack.parts(config), steps=stack.step_needs(config), supervisor=supervisor, on_stopped=on_stopped)
        supervisor.shutdown()
    sweep(layout.state)


def reset(config: Config, *, on_stopped: Callable[[str], None]) -> None:
    """Stop everything and delete the state folder with all data."""
    stop(config, on_stopped=on_stopped)
    shutil.rmtree(config.state_dir, ignore_errors=True)


def stop_all(
    parts: Sequence[Part],
    *,
    steps: Mapping[str, Sequence[str]],
    supervisor: Supervisor,
    on_stopped: Callable[[str], None],
) -> None:
    """Stop every part once nothing that needs it runs any more: wave by wave, each wave at once.

    :param steps: what each needs; a part may need one.
    """
    needs = all_needs(parts, steps)
    # A supervisord of before an upgrade does not know the parts that came with it.
    known = supervisor.states()
    remaining = {part.name for part in parts if part.name in known}
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
