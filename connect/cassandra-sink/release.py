"""Release of the sink: the zip that Maven made, its checksum, and the list of what is in it (CycloneDX)."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import sys
import zipfile
from pathlib import Path

MODULE = Path(__file__).parent
NAME = "penstock-cassandra-sink"
RELEASE = MODULE / "target" / "release"
_JAR = re.compile(r"lib/(?P<name>.+?)-(?P<version>\d[^/]*)\.jar")
_LICENSE = re.compile(r"^\| `(?P<name>[^`]+)` \| (?P<license>.+) \|$", re.MULTILINE)


def main() -> None:
    """Make `target/release` again from the one zip in `target`."""
    (built,) = (MODULE / "target").glob(f"{NAME}-*.zip")
    shutil.rmtree(RELEASE, ignore_errors=True)
    RELEASE.mkdir()
    archive = Path(shutil.copy(built, RELEASE))
    digest = _sha256(archive.read_bytes())
    archive.with_name(f"{archive.name}.sha256").write_text(f"{digest}  {archive.name}\n")
    listing = json.dumps(bill_of_materials(archive), indent=2)
    archive.with_suffix(".cdx.json").write_text(f"{listing}\n")
    sys.stdout.writelines(f"{path}\n" for path in sorted(RELEASE.iterdir()))


def bill_of_materials(archive: Path) -> dict[str, object]:
    """List the jars of a zip with their licenses and checksums, in CycloneDX's form."""
    with zipfile.ZipFile(archive) as content:
        files = {name.split("/", 1)[1]: content.read(name) for name in content.namelist()}
    licenses = dict(_LICENSE.findall(files["doc/licenses/README.md"].decode()))
    jars = [(match, data) for name, data in sorted(files.items()) if (match := _JAR.fullmatch(name))]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": _product(archive)},
        "components": [_component(match["name"], match["version"], data, licenses) for match, data in jars],
    }


def _product(archive: Path) -> dict[str, object]:
    version = archive.stem.removeprefix(f"{NAME}-")
    return {"type": "application", "name": NAME, "version": version, "hashes": _hashes(archive.read_bytes())}


def _component(name: str, version: str, jar: bytes, licenses: dict[str, str]) -> dict[str, object]:
    group = _group(jar)
    return {
        "type": "library",
        **({"group": group, "purl": f"pkg:maven/{group}/{name}@{version}"} if group else {}),
        "name": name,
        "version": version,
        "hashes": _hashes(jar),
        "licenses": [{"license": {"name": licenses[name]}}],
    }


def _group(jar: bytes) -> str | None:
    """Return the group that the jar's own Maven properties name; some jars have none."""
    with zipfile.ZipFile(io.BytesIO(jar)) as content:
        groups = {name.split("/")[2] for name in content.namelist() if name.endswith("/pom.properties")}
    return groups.pop() if len(groups) == 1 else None


def _hashes(content: bytes) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": _sha256(content)}]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    main()
