"""One part of the stack in the foreground, by the same definition as in the local stack: what a container runs."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

from penstock.config import Config
from penstock.environment import taken_from
from penstock.layout import Layout
from penstock.project.workspace import Workspace
from penstock.setup.steps import steps
from penstock.stack import stack
from penstock.stack.elsewhere import Elsewhere, awaited
from penstock.stack.mode import refuse_other_mode
from penstock.stack.part import Part, PartUnknown
from penstock.stack.several import note_number, refuse_several
from penstock.stack.start import OnEvent, start_all
from penstock.stack.theirs import NotOurs
from penstock.stack.timers import let_timers_be_late


def become(config: Config, name: str) -> None:
    """Prepare a part and replace this process by it; one that runs once and did returns at once.

    :raises PartUnknown: there is none of that name.
    :raises NotOurs: others run it.
    :raises OtherMode: the configuration asks for a mode of Kafka that is not the data's.
    :raises OtherNumber: it asks for another number of brokers or nodes than the data has.
    """
    refuse_other_mode(config)
    refuse_several(config)
    part = _find_part(config, name)
    if part.elsewhere:
        raise NotOurs(part)
    if part.one_shot and part.is_ready():
        return
    note_number(config, name)
    part.prepare()
    layout = Layout.of(config)
    for folder in (layout.temporary(name), layout.run):
        folder.mkdir(parents=True, exist_ok=True)
    environment = {**taken_from(os.environ), **layout.temporary_environment(name), **part.environment()}
    sys.stdout.flush()
    let_timers_be_late(part.timer_slack_ms)
    os.execvpe(part.command[0], part.command, environment)  # noqa: S606 - becoming the server is the purpose


def take_step(workspace: Workspace, name: str, *, on_event: OnEvent) -> None:
    """Wait until the parts that a step needs answer, then take it.

    The steps that it needs are not taken: the caller sees to their order.

    :raises PartUnknown: there is none of that name.
    :raises StartFailed: a part that it needs does not answer.
    """
    config = workspace.config
    known = {step.name: step for step in steps(workspace)}
    if name not in known:
        raise PartUnknown("step", name, known)
    needed = [
        replace(part, needs=(), starts_after=()) for part in stack.parts(config) if part.name in known[name].needs
    ]
    step = replace(known[name], needs=tuple(part.name for part in needed))
    start_all([*awaited(needed), step], layout=Layout.of(config), supervisor=Elsewhere(), on_event=on_event)


def _find_part(config: Config, name: str) -> Part:
    known = {part.name: part for part in stack.parts(config)}
    if name not in known:
        raise PartUnknown("part", name, known)
    return known[name]
