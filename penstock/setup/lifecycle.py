"""The start of a whole stack: its parts, and the steps that set them up. Prints nothing."""

from __future__ import annotations

import time

from penstock.config import Config
from penstock.layout import Layout
from penstock.profile import note_profile
from penstock.project.workspace import Workspace
from penstock.setup.actions import refuse_broken_files
from penstock.setup.steps import nodes
from penstock.stack import stack
from penstock.stack.elsewhere import Elsewhere, awaited
from penstock.stack.mode import mode_of, refuse_other_mode
from penstock.stack.ports import refuse_taken
from penstock.stack.prerequisites import refuse_missing
from penstock.stack.processes import sweep
from penstock.stack.room import refuse_too_much
from penstock.stack.several import note_numbers, refuse_several
from penstock.stack.start import Event, OnEvent, Progress, start_all
from penstock.stack.stop import stop_all
from penstock.stack.supervisor import Supervisor


def start(workspace: Workspace, *, on_event: OnEvent) -> None:
    """Start what is not running and set up what is not there; with everything in place nothing changes.

    What runs other code than the clone has now is stopped first, and what needs it: an upgrade restarts them.

    Processes that a killed supervisor left behind are ended first: nobody would restart them.

    :raises ConnectorFileInvalid: before anything is started; so are SchemaFileInvalid, OtherMode, OtherNumber, OneOnly,
        PrerequisitesMissing, NotInstalled, PortsTaken and NoRoom.
    :raises StartFailed: when a part dies or stays silent.
    """
    config = workspace.config
    refuse_broken_files(workspace)
    if not config.supervised:
        start_all(awaited(nodes(workspace)), layout=Layout.of(config), supervisor=Elsewhere(), on_event=on_event)
        return
    refuse_other_mode(config)
    refuse_several(config)
    layout = Layout.of(config)
    supervisor = Supervisor(layout)
    if supervisor.is_running():
        _stop_outdated(config, supervisor, on_event)
    else:
        refuse_missing(mode_of(config))
        sweep(layout.state)
        refuse_taken(stack.doors(config))
        refuse_too_much(config)
    note_numbers(config)
    if config.profile:
        note_profile(config.state_dir, config.profile)
    supervisor.start(part for part in stack.parts(config) if not part.elsewhere)
    start_all(nodes(workspace), layout=layout, supervisor=supervisor, on_event=on_event)


def _stop_outdated(config: Config, supervisor: Supervisor, on_event: OnEvent) -> None:
    """Stop what runs other code than it would be started with, and what needs it, in the order of a whole stop."""
    started, parts = time.monotonic(), stack.parts(config)
    if outdated := supervisor.outdated(parts):

        def say(name: str) -> None:
            why = "it ran other code than the clone has now" if name in outdated else "it needs one that is restarted"
            on_event(Event(name, Progress.STOPPED, time.monotonic() - started, f"stopped: {why}"))

        stop_all(parts, steps=stack.step_needs(config), supervisor=supervisor, on_stopped=say, only=outdated)
