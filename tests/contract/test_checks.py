"""A commit is checked by what `make check` runs."""

from __future__ import annotations

import re

from penstock.clone import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
VARIABLES = dict(re.findall(r"^(\w+) *:= *(.*)$", MAKEFILE, re.MULTILINE))


def test_the_hooks_run_the_commands_of_make_check() -> None:
    target = re.search(r"^check:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert target is not None
    commands = re.findall(r"\t@(.*)", re.sub(r"\$\((\w+)\)", lambda name: VARIABLES[name[1]], target[1]))
    hooks = re.findall(r"entry: (.*)", (ROOT / ".pre-commit-config.yaml").read_text())
    assert set(commands) <= set(hooks)
