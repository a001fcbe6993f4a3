"""The machine that Penstock runs on: the disk below our folder, and who may read the files of secrets."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from penstock.clone import ROOT
from penstock.config import Config
from penstock.doctor.finding import Finding, ok, stops, warning
from penstock.sections.part import Section

_GB = 1024**3
_LEAST_GB, _ENOUGH_GB = 0.5, 3.0
"""What a start and its first days take is some 3 GB (README)."""
_SECRETS = ("password_file", "token_file", "secret_file", "properties_file", "key_file")
"""How the names of the settings end that name a file of a secret."""
_OTHERS = stat.S_IRGRP | stat.S_IROTH


def examine(config: Config) -> Iterator[Finding]:
    """Look at the machine."""
    folder = config.state_dir
    while not folder.exists():
        folder = folder.parent
    yield judge_disk(config.state_dir, shutil.disk_usage(folder).free / _GB)
    yield from judge_secrets(secret_files(config))


def judge_disk(folder: Path, free_gb: float) -> Finding:
    """Say whether there is room for what the parts of ours write."""
    said = f"{free_gb:,.1f} GB are free for {folder}"
    cure = "make room, or move it (`state` in penstock.toml)"
    if free_gb < _LEAST_GB:
        return stops(said, cure)
    return warning(said, cure) if free_gb < _ENOUGH_GB else ok(said)


def secret_files(config: Config) -> Mapping[str, Path]:
    """Return the files that hold secrets, by their settings."""
    sections = {f"{name}.": each for name, each in config if isinstance(each, Section)}
    sections |= {f"sources.{name}.": source for name, source in config.sources.items()}
    named = {f"{at}{setting}": file for at, each in {"": config, **sections}.items() for setting, file in each}
    return {setting: ROOT / file for setting, file in named.items() if file and setting.endswith(_SECRETS)}


def judge_secrets(files: Mapping[str, Path]) -> Iterator[Finding]:
    """Say which files of secrets are not there, or for more than their owner."""
    wrong = [finding for setting, file in files.items() if (finding := _judge_secret(setting, file))]
    yield from wrong
    if files and not wrong:
        yield ok("the files of secrets are for their owner only")


def _judge_secret(setting: str, file: Path) -> Finding | None:
    try:
        mode = file.stat().st_mode
    except OSError as exc:
        return stops(f"{setting} {file}: {exc.strerror}", f"put it there, or correct {setting} in penstock.toml")
    return warning(f"{setting} {file} is for more than its owner", f"chmod 600 {file}") if mode & _OTHERS else None
