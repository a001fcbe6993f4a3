"""A lost place in the WAL takes changes with it: that is said, and `views rebuild` makes all views right again."""

from __future__ import annotations

from uuid import UUID

import pytest
import requests

from penstock.connect.api import ConnectApi, State
from penstock.project.connector_lists import epoch_in, with_epoch
from penstock.project.folders import Project
from penstock.project.generation import epoch_of
from penstock.wait import wait_until
from penstock.whole_file import write_changed
from tests.e2e.oracle import differences, wait_until_exact
from tests.names import SLOT, SOURCE
from tests.patience import PATIENCE_S
from tests.stack import Stack

AHEAD = 2**40
LOST = """
    DELETE FROM public.users WHERE id IN (SELECT id FROM public.users ORDER BY id::text LIMIT 5);
    UPDATE public.users SET country = 'Unseen' WHERE id IN (SELECT id FROM public.users ORDER BY id::text LIMIT 5)
"""


def stop_the_source(stack: Stack) -> None:
    with ConnectApi(stack.config.connect.url) as api:
        api.stop(SOURCE)
        wait_until(lambda: api.status(SOURCE).connector.state == State.STOPPED, timeout_s=PATIENCE_S, what="it stops")


def read_ahead(stack: Stack) -> None:
    """Let the source have read more than there is, as it has when an older copy of the database is put back."""
    with ConnectApi(stack.config.connect.url) as api:
        (place,) = api.offsets(SOURCE)
        place["offset"]["lsn"] += AHEAD
        url = f"{stack.config.connect.url}/connectors/{SOURCE}/offsets"
        requests.patch(url, json={"offsets": [place]}, timeout=PATIENCE_S).raise_for_status()


def lose_the_slot(stack: Stack) -> None:
    """Drop the slot of the stopped source, and change rows that no event will report."""
    held = "SELECT 1 FROM pg_replication_slots WHERE slot_name = %s AND active"
    wait_until(lambda: not stack.sql(held, SLOT), timeout_s=PATIENCE_S, what="Postgres has let go of the slot")
    stack.sql("SELECT pg_drop_replication_slot(%s)", SLOT)
    stack.sql(LOST)


@pytest.mark.slow
def test_a_lost_place_is_said_and_a_rebuild_makes_the_views_exact(stack: Stack) -> None:
    wait_until_exact(stack)
    project = Project.of(stack.config)
    before = epoch_of(stack.config)
    gone = stack.sql("SELECT id FROM public.users ORDER BY id::text LIMIT 5")
    stop_the_source(stack)
    read_ahead(stack)
    refused = stack.run(".venv/bin/penstock up", check=False)
    assert refused.returncode == 1
    assert "it was restored from an older copy; `penstock views rebuild` reads everything again" in refused.stderr
    lose_the_slot(stack)
    assert differences(stack)
    assert "penstock views rebuild" in stack.run(".venv/bin/penstock status", check=False).stdout
    refused = stack.run(".venv/bin/penstock up", check=False)
    assert refused.returncode == 1
    assert f"replication slot {SLOT} is gone" in refused.stderr
    said = stack.penstock("views rebuild").stdout
    assert "all views: rebuilt" in said
    assert epoch_of(stack.config) == epoch_in(project) == before + 1
    wait_until_exact(stack)
    for (identity,) in gone:
        (last,) = stack.cql("SELECT op, lsn, after FROM penstock.user_history WHERE id = %s LIMIT 1", UUID(identity))
        assert (last["op"], last["lsn"], last["after"]) == ("d", None, None)
    stack.sql("DELETE FROM public.users WHERE country = 'Unseen'")
    wait_until_exact(stack)
    assert stack.penstock("verify").stdout.count("equal") == 4
    # A checkout of the files sets nothing back.
    write_changed(with_epoch(project, before))
    assert f"said epoch {before}, and says {before + 1} now" in stack.run(".venv/bin/penstock up").stdout
    assert epoch_in(project) == before + 1
    stack.sql("UPDATE penstock.installation SET epoch = %s", before)
    try:
        refused = stack.run(".venv/bin/penstock up", check=False)
    finally:
        stack.sql("UPDATE penstock.installation SET epoch = %s", before + 1)
    assert refused.returncode == 1
    assert f"the pipeline is in epoch {before + 1}" in refused.stderr
