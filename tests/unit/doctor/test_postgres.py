"""What is made of what Postgres says of itself, of our role and of the tables."""

from __future__ import annotations

from dataclasses import replace

import pytest

from penstock.config import Config
from penstock.doctor.finding import Finding, Weight
from penstock.doctor.postgres import Owner, Server, SourceTable, judge_rights, judge_server, judge_table
from penstock.postgres.slot import Slot
from penstock.postgres.unfit import Unfit

CONFIG = Config.model_validate({"postgres": {"managed": False, "user": "penstock"}})
SLOT = Slot("penstock", "app", True, "reserved", 0, 0, "0/1", None, None)
WELL = Server(
    version="18.6",
    major=18,
    wal_level="logical",
    is_standby=False,
    slots=8,
    slots_used=1,
    senders=8,
    senders_used=1,
    kept_for_slots="4GB",
    slot=SLOT,
    database="app",
    role="penstock",
    is_superuser=False,
    replicates=True,
    creates_databases=False,
    creates=True,
    sees_statistics=True,
    sets_role=True,
    has_airflow_database=True,
    publication_owner=None,
    is_set_up=True,
)
TABLE = SourceTable(
    name="public.users",
    is_made=True,
    exists=True,
    may_make=True,
    is_reached=True,
    is_read=True,
)


def faults(server: Server) -> list[Finding]:
    found = [*judge_server(CONFIG, server), *judge_rights(CONFIG, server)]
    return [finding for finding in found if finding.weight is not Weight.OK]


def test_a_server_that_is_as_needed_has_no_fault() -> None:
    assert faults(WELL) == []


@pytest.mark.parametrize(
    ("change", "weight", "cure"),
    [
        ({"version": "14.9", "major": 14}, Weight.STOPS, "upgrade it to 15 to 18"),
        ({"version": "19.0", "major": 19}, Weight.WARNING, "`penstock verify` says whether all is well"),
        ({"is_standby": True}, Weight.STOPS, "name the primary in [postgres]"),
        ({"wal_level": "replica"}, Weight.STOPS, "ALTER SYSTEM SET wal_level = logical; and restart it"),
        (
            {"wal_level": "replica", "keeper": "rds_superuser"},
            Weight.STOPS,
            "rds.logical_replication = 1 in the parameter group of RDS; and restart it",
        ),
        (
            {"wal_level": "replica", "keeper": "cloudsqlsuperuser"},
            Weight.STOPS,
            "cloudsql.logical_decoding = on in the flags of Cloud SQL; and restart it",
        ),
        (
            {"kept_for_slots": "-1", "keeper": "azure_pg_admin"},
            Weight.WARNING,
            "max_slot_wal_keep_size = 4096 in the server parameters of Azure",
        ),
        (
            {"slot": None, "slots_used": 8},
            Weight.STOPS,
            "ALTER SYSTEM SET max_replication_slots = 10; and restart it",
        ),
        (
            {"slot": replace(SLOT, active=False), "senders_used": 8},
            Weight.STOPS,
            "ALTER SYSTEM SET max_wal_senders = 10; and restart it",
        ),
        ({"slot": replace(SLOT, wal_status="lost")}, Weight.STOPS, "`penstock views rebuild` reads everything again"),
        (
            {"slot": replace(SLOT, database="other")},
            Weight.STOPS,
            "if nobody needs it: SELECT pg_drop_replication_slot('penstock');",
        ),
        (
            {"has_airflow_database": False},
            Weight.STOPS,
            "CREATE DATABASE airflow_meta OWNER penstock; or airflow.enabled = false",
        ),
    ],
)
def test_each_fault_has_its_cure(change: dict[str, object], weight: Weight, cure: str) -> None:
    (finding,) = faults(replace(WELL, **change))  # type: ignore[arg-type]
    assert (finding.weight, finding.cure) == (weight, cure)


def test_a_full_server_that_has_our_slot_is_no_fault() -> None:
    assert faults(replace(WELL, slots_used=8, senders_used=8)) == []


def test_a_role_that_may_create_databases_needs_none_for_airflow() -> None:
    assert faults(replace(WELL, has_airflow_database=False, creates_databases=True)) == []


@pytest.mark.parametrize(
    ("change", "cure"),
    [
        ({"others": (Owner("application", False, ["public.users", "public.old"]),)}, "GRANT application TO penstock;"),
        ({"others": (Owner("root", True, ["public.old"]),)}, "ALTER TABLE public.old OWNER TO penstock;"),
        ({"is_read": False}, "GRANT SELECT ON public.users TO penstock;"),
        ({"is_reached": False}, "GRANT USAGE ON SCHEMA public TO penstock;"),
        ({"exists": False, "may_make": False}, "GRANT CREATE, USAGE ON SCHEMA public TO penstock;"),
        ({"exists": False, "is_made": False}, "create it, or remove its views"),
        ({"unfit": (Unfit("it is a view", "name a table"),)}, "name a table"),
    ],
)
def test_a_table_that_cannot_be_followed_stops(change: dict[str, object], cure: str) -> None:
    (finding,) = judge_table("penstock", replace(TABLE, **change))  # type: ignore[arg-type]
    assert (finding.weight, finding.cure) == (Weight.STOPS, cure)


def test_a_table_of_the_project_that_is_not_there_yet_is_no_fault() -> None:
    (finding,) = judge_table("penstock", replace(TABLE, exists=False))
    assert finding.weight is Weight.OK
