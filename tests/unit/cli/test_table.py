"""What other programs said is printed as it is: square brackets and colons are no markup."""

from __future__ import annotations

import re

import pytest

from penstock.cli.stack import print_event
from penstock.cli.table import make_table, print_table
from penstock.clone import ROOT
from penstock.stack.start import Event, Progress

SAID = ["section [spark] of penstock.toml", "regexp_replace(phone, [/ -], )", "[/127.0.0.1:9042]", ":smile: [red]"]


@pytest.mark.parametrize("said", SAID)
def test_a_cell_is_shown_as_it_is(said: str, capsys: pytest.CaptureFixture[str]) -> None:
    table = make_table("flow", "seen")
    table.add_row("view", said, style="red")
    print_table(table)
    assert f"view   {said}" in capsys.readouterr().out


@pytest.mark.parametrize("said", SAID)
def test_what_a_step_did_is_shown_as_it_is(said: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_event(Event("topics", Progress.READY, 1.0, said))
    assert said in capsys.readouterr().out


def test_no_command_prints_by_a_console_that_knows_markup() -> None:
    """Markup would swallow what stands in brackets, or end the command."""
    files = [file for file in (ROOT / "penstock" / "cli").glob("*.py") if file.name not in ("table.py", "main.py")]
    assert [file.name for file in files if re.search(r"\bConsole\(", file.read_text())] == []
