"""Releases Penstock from a clean clone: a wheel and the sink's zip with checksums in `dist/`, and a tag.

`make release` builds everything and says what it would tag. `make release TAG=yes` also makes the tag, in this clone
only. Nothing is published: pushing the tag and uploading `dist/` is left to a person.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
CHECKSUMS = "SHA256SUMS"
_SINK = ROOT / "connect" / "cassandra-sink"
_VERSION = re.compile(r"\d+\.\d+\.\d+\Z")


def main() -> None:
    """Check, build and, when asked, tag."""
    version = tomllib.loads(_read(ROOT / "pyproject.toml"))["project"]["version"]
    tag = f"v{version}"
    reasons = why_not(
        version,
        changelog=_read(ROOT / "CHANGELOG.md"),
        sink=sink_version(_read(_SINK / "pom.xml")),
        sink_changelog=_read(_SINK / "CHANGELOG.md"),
        changed=_run("git", "status", "--porcelain").splitlines(),
        tags=_run("git", "tag", "--list").split(),
    )
    if reasons:
        sys.exit("no release: " + "\n  ".join(["", *reasons]).strip())
    _build()
    print(checksums(DIST.iterdir()), end="")
    if sys.argv[1:] == ["--tag"]:
        _run("git", "tag", "--annotate", tag, "--message", f"Penstock {version}")
        print(f"tagged {tag}; publish it with: git push origin {tag}, and the files of dist/")
    else:
        print(f"nothing was tagged; `make release TAG=yes` tags {tag}")


def why_not(
    version: str, *, changelog: str, sink: str, sink_changelog: str, changed: Iterable[str], tags: Iterable[str]
) -> list[str]:
    """Say everything that stands in the way of a release.

    :param changed: what git says of files that differ from the commit, or that no commit has.
    """
    checks = [
        (_VERSION.match(version), f"version {version} of pyproject.toml is not of the form 1.2.3"),
        (f"v{version}" not in tags, f"tag v{version} exists: raise the version in pyproject.toml"),
        (notes(changelog, version), f"CHANGELOG.md has no entry below `## [{version}] - DATE`"),
        (notes(sink_changelog, sink), f"connect/cassandra-sink/CHANGELOG.md has no entry below `## {sink}`"),
        *((False, f"not committed: {line}") for line in changed),
    ]
    return [reason for is_well, reason in checks if not is_well]


def notes(changelog: str, version: str) -> str:
    """Return what a changelog says of a version, up to the next one; empty when it says nothing."""
    heading = rf"^## \[?{re.escape(version)}\]?(?: .*)?$"
    _, *after = re.split(heading, changelog, maxsplit=1, flags=re.MULTILINE)
    return re.split(r"^## ", after[0], maxsplit=1, flags=re.MULTILINE)[0].strip() if after else ""


def sink_version(pom: str) -> str:
    """Read the sink's own version, which stands behind that of its parent."""
    found = re.search(r"<version>([^<]+)</version>", pom.partition("</parent>")[2])
    return found[1] if found else "unknown"


def checksums(files: Iterable[Path]) -> str:
    """Return a line for each file, as `sha256sum --check` reads them."""
    digests = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.name != CHECKSUMS}
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))


def _build() -> None:
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    _run("make", "--no-print-directory", "sink-release")
    for file in sorted((_SINK / "target" / "release").iterdir()):
        if file.suffix != ".sha256":  # it stands in the list of all
            shutil.copy(file, DIST)
    # The same commit gives the same wheel.
    made_at = _run("git", "log", "-1", "--format=%ct").strip()
    _run(str(ROOT / ".tools/bin/uv"), "build", "--quiet", "--wheel", "--out-dir", str(DIST), SOURCE_DATE_EPOCH=made_at)
    (DIST / ".gitignore").unlink(missing_ok=True)
    (DIST / CHECKSUMS).write_text(checksums(DIST.iterdir()), encoding="utf-8")


def _run(*command: str, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8")


if __name__ == "__main__":
    main()
