"""The number of the form of what is kept rises with each change of `schemas/postgres`."""

from __future__ import annotations

import re
from hashlib import sha256

from penstock.clone import ROOT
from penstock.postgres.record import FORM

NOTED = (1, "f5be74f7b957a1f6")
"""The present number, and what the files said when it was given."""
_OF_USERS = "010_users.sql"


def test_a_change_of_the_files_raises_the_number() -> None:
    files = sorted(file for file in (ROOT / "schemas/postgres").glob("*.sql") if file.name != _OF_USERS)
    statements = (re.sub(r"--.*", "", file.read_text(encoding="utf-8")).split() for file in files)
    said = sha256(" ".join(word for each in statements for word in each).encode()).hexdigest()[:16]
    assert (FORM, said) == NOTED, "raise FORM in penstock/postgres/record.py, and write both into NOTED"
