"""The machine that Penstock runs on: the disk below our folder, and who may read the files of secrets."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from penstock.clone import ROOT
from penstock.config import Config
from penstock.doctor.finding import Finding, ok, stops, warning

_GB = 1024**3
_LEAST_GB, _ENOUGH_GB = 0.5, 3.0
"""What a start and its first days take is some 3 GB (README)."""
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
    named = {
        "postgres.password_file": config.postgres.password_file,
        **{f"sources.{name}.password_file": source.password_file for name, source in config.sources.items()},
        "kafka.properties_file": config.kafka.properties_file,
        "registry.password_file": config.registry.password_file,
        "registry.token_file": config.registry.token_file,
        "connect.password_file": config.connect.password_file,
        "spark.properties_file": config.spark.properties_file,
        "spark.token_file": config.spark.token_file,
        "cassandra.password_file": config.cassandra.password_file,
    }
    return {setting: ROOT / file for setting, file in named.items() if file}


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
