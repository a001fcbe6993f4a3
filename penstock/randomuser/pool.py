"""Names and places of one nationality: drawn once from Faker, then shared by all people of that nation.

Asking Faker for each person would cost 0.5 ms a person; a choice from a pool costs microseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from faker import Faker

from penstock.randomuser.nationalities import NATIONALITIES

_POOL_SIZE = 150
_STATE_METHODS = ("administrative_unit", "region")


@dataclass(frozen=True)
class Pool:
    """What a person of one nationality is put together from."""

    female_names: tuple[str, ...]
    male_names: tuple[str, ...]
    last_names: tuple[str, ...]
    streets: tuple[str, ...]
    cities: tuple[str, ...]
    states: tuple[str, ...]


@cache
def pool_of(code: str) -> Pool:
    """Return the pool of a nationality: the same in every process, since Faker is pinned and seeded by the code."""
    nation = NATIONALITIES[code]
    faker = Faker(nation.locale)
    faker.seed_instance(code)
    return Pool(
        female_names=nation.female_names or _draw(faker.first_name_female),
        male_names=nation.male_names or _draw(faker.first_name_male),
        last_names=nation.last_names or _draw(faker.last_name),
        streets=nation.streets or _draw(faker.street_name),
        cities=nation.cities or _draw(faker.city),
        states=nation.states or _draw(_state_method(faker)),
    )


def _draw(method: Callable[[], str]) -> tuple[str, ...]:
    return tuple(method() for _ in range(_POOL_SIZE))


def _state_method(faker: Faker) -> Callable[[], str]:
    """Return the locale's own word for a state; each Faker locale names it differently."""
    method: Callable[[], str] = next(getattr(faker, name) for name in _STATE_METHODS if hasattr(faker, name))
    return method
