"""Loads: the runs of Airflow's DAG, and starting one."""

from __future__ import annotations

from penstock.console.hub import Hub
from penstock.console.look.airflow import LoadRun
from penstock.console.safety.guard import Caller
from penstock.errors import TerminalError
from penstock.loads.airflow_api import AirflowApi
from penstock.loads.load import DEFAULT_SEED, trigger_load

USERS_AT_MOST = 1_000_000


class UsersInvalid(TerminalError):
    """So many users cannot be loaded."""

    def __init__(self, users: int) -> None:
        super().__init__(f"{users} users cannot be loaded: 1 to {USERS_AT_MOST:,}")


class AirflowOff(TerminalError):
    """There are no loads."""

    def __init__(self) -> None:
        super().__init__("there are no loads: Airflow is off; set `enabled = true` under [airflow] in penstock.toml")


def list_loads(hub: Hub) -> list[LoadRun]:
    """Return the newest runs, newest first.

    :raises NotSeen: Airflow was never seen.
    :raises AirflowOff: it is not in use.
    """
    if not hub.config.airflow.enabled:
        raise AirflowOff
    return list(hub.now.snapshot.airflow.seen.runs)


def start_load(hub: Hub, *, users: int, seed: str = DEFAULT_SEED, caller: Caller) -> str:
    """Start a load; return the id of its run.

    :raises UsersInvalid: out of bounds.
    :raises AirflowOff: Airflow is not in use.
    """
    if not hub.config.airflow.enabled:
        raise AirflowOff
    if not 1 <= users <= USERS_AT_MOST:
        raise UsersInvalid(users)

    def trigger() -> str:
        with AirflowApi(hub.config.airflow.url) as api:
            return trigger_load(api, hub.config.names.dag, users=users, seed=seed).id

    return hub.guard.perform(trigger, caller=caller, what="load", target=f"{users} users, seed {seed}")
