"""`penstock part`: one part or step of the stack, or its secrets, as the containers of docker-compose.yml have them."""

from __future__ import annotations

from typing import Annotated

import typer

from penstock.cli.stack import print_event
from penstock.config import load_config
from penstock.project.workspace import Workspace
from penstock.setup.foreground import become, take_step
from penstock.stack.make_secrets import make_secrets, write_clients_files

group = typer.Typer(
    help="Run one part or step of the stack by itself, as a container does.\n\nExample: `penstock part run kafka`",
    no_args_is_help=True,
)
Name = Annotated[str, typer.Argument(help="As `penstock status` names it.")]


def register(app: typer.Typer) -> None:
    """Add the group to the root application."""
    app.add_typer(group, name="part")


@group.command()
def run(name: Name) -> None:
    """Write the part's configuration and become its process.

    Example: `penstock part run cassandra`
    """
    become(load_config(), name)


@group.command()
def step(name: Annotated[str, typer.Argument(help="form, tables, topics, subjects, keyspace or connectors.")]) -> None:
    """Wait for what a step of the set-up needs, then take it; all of them can be taken again.

    Example: `penstock part step topics`
    """
    take_step(Workspace(load_config()), name, on_event=print_event)


@group.command()
def secrets() -> None:
    """Make the secrets of a stack that is to be secured; those that exist stay, and name their present folder.

    Example: `penstock part secrets`
    """
    config = load_config()
    make_secrets(config)
    write_clients_files(config)
