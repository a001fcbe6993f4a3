"""A run of an aggregate starts behind the place from which its replication slot reads, never before it."""

from __future__ import annotations

from contextlib import closing

import psycopg2
import pytest
from penstock_views.snapshot.held import SlotMissing, hold_snapshot

from penstock.config import Config
from tests.integration.test_views_batch import source

SLOT = "of_a_run"


def test_no_snapshot_is_taken_for_a_run_before_its_slot_is_there(config: Config) -> None:
    with pytest.raises(SlotMissing, match=SLOT), hold_snapshot(source(config), slot=SLOT):
        pass
    with closing(psycopg2.connect(config.postgres.dsn)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (SLOT,))
        try:
            cursor.execute("SELECT (confirmed_flush_lsn - '0/0')::bigint FROM pg_replication_slots")
            ((reads_from,),) = cursor.fetchall()
            with hold_snapshot(source(config), slot=SLOT) as held:
                assert held.seen.lsn >= reads_from
        finally:
            cursor.execute("SELECT pg_drop_replication_slot(%s)", (SLOT,))


def test_nobody_looks_for_a_slot_that_is_not_named(config: Config) -> None:
    with hold_snapshot(source(config)) as held:
        assert held.number > 0
