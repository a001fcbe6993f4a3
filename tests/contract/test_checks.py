"""A commit is checked by what `make check` runs."""

from __future__ import annotations

import re

from penstock.config import ROOT


def test_the_hooks_run_the_commands_of_make_check() -> None:
    makefile = (ROOT / "Makefile").read_text()
    target = re.search(r"^check:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    maven = re.search(r"^MVN +:= (.*)$", makefile, re.MULTILINE)
    assert target is not None
    assert maven is not None
    hooks = re.findall(r"entry: (.*)", (ROOT / ".pre-commit-config.yaml").read_text())
    assert set(re.findall(r"\t@(.*)", target[1].replace("$(MVN)", maven[1]))) <= set(hooks)
