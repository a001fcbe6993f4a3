"""`penstock up`: start, set up, load, follow, verify, and say what to try next."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from penstock.address import why_unfit
from penstock.cli.stack import print_event
from penstock.cli.status import memory_gb
from penstock.cli.table import plain_console
from penstock.cli.verify import print_results
from penstock.cli.views import print_progress, print_step
from penstock.config import Config, load_config
from penstock.pipeline.bring_up import Hop, OnHops, is_loaded, load_and_follow
from penstock.pipeline.stale_groups import sweep_aggregates
from penstock.pipeline.stalled import JOBS, JobWatch, put_off
from penstock.profile import Profile
from penstock.project.workspace import Workspace
from penstock.sections.kafka import KafkaMode
from penstock.secured import Secrets, secured
from penstock.setup import lifecycle
from penstock.stack.alone import Turn, alone
from penstock.stack.make_secrets import make_secrets, refuse_containers, refuse_open_doors, write_clients_files
from penstock.stack.mode import ask_for, mode_of
from penstock.stack.several import refuse_several
from penstock.verify.run import run_verify
from penstock.views.apply import go_live

_out = plain_console()
DEFAULT_USERS = 1000


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(up)


def up(
    users: Annotated[
        int | None, typer.Option(min=1, help=f"Load so many; without it {DEFAULT_USERS:,}, and only the first time.")
    ] = None,
    api: Annotated[
        str | None,
        typer.Option(
            callback=lambda url: _fit_address(url),
            help="Load from this address, such as https://randomuser.me/api/, not the stand-in.",
        ),
    ] = None,
    zookeeper: Annotated[
        bool,
        typer.Option(
            "--zookeeper", help="Begin with Kafka 3.9 and ZooKeeper; what has started goes on without the flag."
        ),
    ] = False,
    secure: Annotated[
        bool,
        typer.Option(
            "--secure", help="Begin with TLS and passwords on every hop; what has started goes on without the flag."
        ),
    ] = False,
    profile: Annotated[
        Profile | None,
        typer.Option(help="Begin with more than one of each (docs/ha.md); what has started goes on without it."),
    ] = None,
) -> None:
    """Start what is not running, set it up, load users through Airflow, follow them to Cassandra, verify.

    Running it again changes nothing that is as it should be; users who were loaded once are not loaded again.

    Example: `penstock up --users 5000`
    """
    config = load_config(profile=profile)
    if zookeeper:
        config = ask_for(config, KafkaMode.ZOOKEEPER)
    if secure:
        refuse_containers(config)
        refuse_several(config)
        make_secrets(config)
    config = _with_secrets(config)
    with alone(config, "penstock up", ends_all=True) as turn:
        _bring_up(Workspace(config), turn, users=users, api=api)


def _fit_address(url: str | None) -> str | None:
    """Refuse an address that Airflow could not ask, or that would show a secret in its pages and logs."""
    if url is not None and (problem := why_unfit(url)):
        login = (
            "; a login belongs to Airflow's connection randomuser_api"
            if "secret" in problem or "user" in problem
            else ""
        )
        raise typer.BadParameter(f"it {problem}{login}")
    return url


def _with_secrets(config: Config) -> Config:
    """Write what clients of a secured stack read, and fill it in: a configuration of before may lack some."""
    if config.supervised and Secrets.of(config).exist:
        refuse_open_doors(config)
        write_clients_files(config)
    return secured(config)


def _bring_up(workspace: Workspace, turn: Turn, *, users: int | None, api: str | None) -> None:
    config = workspace.config
    started, watches = time.monotonic(), [JobWatch(config, job) for job in JOBS]
    _out.print("Starting the pipeline")
    lifecycle.start(workspace, on_event=print_event)
    turn.take()  # Postgres may have answered nobody until now
    stopped: dict[str, str] = {}
    with put_off(stopped):  # the comparison names them too
        go_live(workspace, on_step=turn.noting(print_step), on_progress=print_progress)
    for reason in stopped.values():
        print_step("fill", reason)
    started_s = time.monotonic() - started
    _load(workspace, users=users, api=api)
    arrived_s = time.monotonic() - started
    sweep_aggregates(workspace)
    _out.print("\nComparing Cassandra with Postgres")
    results = run_verify(workspace, on_progress=print_progress)
    print_results(results)
    for watch in watches:
        watch.look()
    if not all(result.is_equal for result in results):
        raise typer.Exit(1)
    _print_summary(config, started_s=started_s, arrived_s=arrived_s)


def _load(workspace: Workspace, *, users: int | None, api: str | None) -> None:
    config = workspace.config
    if users is None and not (config.postgres.managed and config.airflow.enabled):
        _out.print("\nNo users are loaded: Postgres is not ours, or there is no Airflow; --users asks for them.")
        return
    if is_loaded(config, users=users, api_url=api):
        _out.print("\nThe users were loaded before.")
        return
    number = users or DEFAULT_USERS
    _out.print(f"\nLoading {number:,} users")
    with _bars() as show:
        result = load_and_follow(workspace, users=number, api_url=api, on_hops=show)
    if result.rejected:
        _out.print(f"  {result.rejected} users were no valid rows; the table loader.rejected_users says why")


@contextmanager
def _bars() -> Iterator[OnHops]:
    """Show a bar per hop; without a terminal, a line per hop whenever it is done."""
    columns = (TextColumn("  {task.description:<26}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    said: set[str] = set()

    def say(hops: list[Hop]) -> None:
        # A hop has done all that has come to it; only when those before are done does nothing more come.
        for hop in takewhile(lambda each: each.total and each.is_done, hops):
            if hop.name not in said:
                said.add(hop.name)
                _out.print(f"  {hop.name:<26} {hop.done:,} of {hop.total:,}")

    if not _out.is_terminal:
        yield say
        return
    with Progress(*columns, console=_out) as progress:
        tasks = {}

        def draw(hops: list[Hop]) -> None:
            for hop in hops:
                if hop.name not in tasks:
                    tasks[hop.name] = progress.add_task(hop.name, total=None)
                progress.update(tasks[hop.name], completed=hop.done, total=hop.total or None)

        yield draw


def _say_secured(config: Config) -> str:
    secrets = Secrets.of(config)
    if not secrets.exist:
        return ""
    return (
        f"\n\nEvery server asks for a password; they are in {secrets.folder}, for your user alone (docs/secure.md)."
        "\nNot encrypted: the web pages of Spark, which ask for a token; they show no row."
    )


def _curl_login(config: Config) -> str:
    secrets = Secrets.of(config)
    return f"K {secrets.curl('connect')}" if secrets.exist else ""


def _print_summary(config: Config, *, started_s: float, arrived_s: float) -> None:
    keyspace, connect = config.names.keyspace, config.connect
    registered = f", in ZooKeeper {config.zookeeper.address}" if mode_of(config) is KafkaMode.ZOOKEEPER else ""
    table = f"{keyspace}.users_by_country"
    query = f"SELECT first_name, last_name, city FROM {table} WHERE country = 'Norway' LIMIT 5"  # noqa: S608 - to show
    _out.print(f"""
All parts answered after {started_s:.0f} s, every user was in Cassandra after {arrived_s:.0f} s; \
{memory_gb(config):.1f} GB of memory in use.

  Control center   {config.console.url if config.console.enabled else "off (console.enabled)"}
  Airflow          {config.airflow.url if config.airflow.enabled else "off (airflow.enabled)"}
  Kafka Connect    {config.connect.url}
  Schema Registry  {config.registry.url}
  Spark master     http://{config.spark.host}:{config.spark.master_ui_port}
  Kafka            {config.kafka.bootstrap}{registered}
  Postgres         {config.postgres.host}:{config.postgres.port}, database {config.postgres.database}
  Cassandra        {config.cassandra.address}, keyspace {keyspace}

Try:
  curl -s{_curl_login(config)} {connect.url}/connectors
  .venv/bin/penstock cqlsh -e "{query}"
  .venv/bin/penstock topics tail views.users_by_id -n 1{_say_secured(config)}""")
