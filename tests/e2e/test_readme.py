"""The README's commands, as they stand there, do what it says; only the ports are those of the tests' stack."""

from __future__ import annotations

import re

import pytest

from penstock.clone import ROOT
from penstock.config import Config
from tests.stack import Stack

README = (ROOT / "README.md").read_text()
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.S) for line in block.splitlines()]
ENDS_THE_STACK = {"make down"}


def with_test_ports(command: str, config: Config) -> str:
    default = Config()
    return command.replace(f":{default.connect.port}/", f":{config.connect.port}/")


@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in ENDS_THE_STACK])
def test_the_command_succeeds(stack: Stack, command: str) -> None:
    done = stack.run(with_test_ports(command, stack.config))
    assert done.stdout.strip()
    assert "Traceback" not in done.stdout + done.stderr
