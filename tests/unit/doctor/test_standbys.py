"""What is made of what a primary says of its standbys, and they of themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from penstock.config import Config
from penstock.doctor.finding import Weight
from penstock.doctor.standbys import Primary, Standby, judge_primary, judge_standby
from penstock.sections.postgres import Postgres

ALONE = Primary(18, is_kept=True, connected=0, physical_slots=(), waits_for="")
WELL = Primary(18, is_kept=True, connected=1, physical_slots=("one",), waits_for="one")
READY = Standby(is_standby=True, gives_feedback=True, synchronises=True, is_ready=True)


def naming(standbys: int) -> Config:
    return Config(postgres=Postgres(managed=False, standbys=("two:5432",) * standbys))


@pytest.mark.parametrize(
    ("primary", "named", "says", "cure"),
    [
        (replace(WELL, major=16), 1, "standbys keep no slot before PostgreSQL 17", "`penstock views rebuild`"),
        (replace(WELL, is_kept=False), 1, "slot penstock is in no standby", '"slot.failover": "true"'),
        (replace(WELL, waits_for=""), 1, "may read what no standby has yet", "synchronized_standby_slots = 'one'"),
        (replace(WELL, waits_for="", keeper="rds_superuser"), 1, "may read what no standby has yet", "parameter group"),
        (replace(WELL, waits_for="", physical_slots=()), 1, "may read what no standby has yet", "primary_slot_name"),
        (WELL, 0, "1 standbys are connected, and 0 are named", "standbys = ["),
    ],
)
def test_what_a_primary_lacks_is_named(primary: Primary, named: int, says: str, cure: str) -> None:
    (found,) = judge_primary(naming(named), primary)
    assert found.weight is Weight.WARNING
    assert says in found.what
    assert cure in found.cure


@pytest.mark.parametrize("primary", [ALONE, replace(ALONE, major=15), replace(ALONE, is_kept=None)])
def test_who_has_no_standby_reads_nothing_of_them(primary: Primary) -> None:
    assert [*judge_primary(Config(), primary)] == []


def test_a_cluster_that_is_as_needed_has_no_fault() -> None:
    assert [*judge_primary(naming(1), WELL)] == []
    (found,) = judge_standby(Config(), "two:5432", READY)
    assert (found.weight, found.what) == (Weight.OK, "standby two:5432 keeps slot penstock")


@pytest.mark.parametrize(
    ("standby", "says"),
    [
        (replace(READY, is_standby=False), "is named as a standby and is none"),
        (replace(READY, gives_feedback=False), "has hot_standby_feedback = off"),
        (replace(READY, synchronises=False, is_ready=None), "has sync_replication_slots = off"),
        (replace(READY, is_ready=None), "does not have slot penstock"),
        (replace(READY, is_ready=False), "has not caught up with slot penstock"),
    ],
)
def test_what_a_standby_lacks_is_named(standby: Standby, says: str) -> None:
    (found,) = judge_standby(Config(), "two:5432", standby)
    assert found.weight is Weight.WARNING
    assert says in found.what
    assert found.cure


def test_a_standby_has_an_address() -> None:
    with pytest.raises(ValueError, match="standbys"):
        Config.model_validate({"postgres": {"standbys": ["two"]}})
