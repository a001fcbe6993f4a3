"""A profile: one word for settings that hold wherever the configuration says nothing else.

A stack that started with one keeps it: its state folder holds the word.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from penstock.whole_file import write_whole


class Profile(StrEnum):
    """What `penstock up --profile` knows."""

    HA = "ha"


_SETTINGS: Mapping[Profile, Mapping[str, Mapping[str, int]]] = {
    Profile.HA: {
        "kafka": {"brokers": 3, "partitions": 3},
        "connect": {"workers": 2},
        # A query that lost its executor reads again what came since its last commit.
        "spark": {"workers": 2, "commit_interval_s": 60},
        "cassandra": {"nodes": 3},
    }
}


def with_profile(given: Mapping[str, Any], profile: Profile) -> dict[str, Any]:
    """Return settings with those of a profile beneath them; servers of others have none of ours.

    :param given: what the file says, by section.
    """
    added = {
        name: {**settings, **given.get(name, {})}
        for name, settings in _SETTINGS[profile].items()
        if given.get(name, {}).get("managed", True)
    }
    return {**given, **added, "profile": profile}


def noted_profile(state: Path) -> Profile | None:
    """Return the profile that a stack started with."""
    file = _file(state)
    return Profile(file.read_text().strip()) if file.exists() else None


def note_profile(state: Path, profile: Profile) -> None:
    """Note the profile of a stack."""
    write_whole(_file(state), profile)


def _file(state: Path) -> Path:
    return state / "profile"
