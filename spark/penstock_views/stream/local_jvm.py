"""The JVM of the sessions inside this process, started without Spark's scripts and without PySpark.

The scripts start a JVM of their own, only to write the command line of this one: half a second for each command. And
while this one starts, Python can read the code of PySpark.
"""

from __future__ import annotations

import atexit
import logging
import os
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from penstock.class_archive import class_archive_options
from penstock.clone import ROOT
from penstock.errors import TerminalError

JARS = ROOT / ".servers" / "spark"
"""Where setup puts Spark's extra jars: Kafka, Avro, the Postgres driver, the decoder."""

COMPILE_ALL = "-XX:-DontCompileHugeMethods"
"""Spark generates methods above 8,000 bytecodes for wide views, which the JVM only interprets unless set otherwise:
12,000 against 6,500 rows per second of processor time, both images and both views of public.users."""

DEEP_STACKS = "-Xss4m"
"""Java's regular expressions take a piece of the stack for each character that a group with alternatives matches: with
the 1 MB of a thread, `(.|\\n)*` matched 1,200 to 1,600 of them. The memory is taken only where a text needs it. All
JVMs that compute rows have the same, so that `verify` fails on a text where the stream does."""

LOOPBACK = "127.0.0.1"

LOGGING = f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.properties').as_uri()}"

OPENED = (
    "java.base/java.lang",
    "java.base/java.lang.invoke",
    "java.base/java.lang.reflect",
    "java.base/java.io",
    "java.base/java.net",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.base/sun.nio.cs",
    "java.base/sun.security.action",
    "java.base/sun.util.calendar",
    "java.security.jgss/sun.security.krb5",
)
"""What Spark reads of the JVM's own packages, as its `org.apache.spark.launcher.JavaModuleOptions` has them."""

_SERVER = "org.apache.spark.api.python.PythonGatewayServer"
_WRITES_TO = "_PYSPARK_DRIVER_CONN_INFO_PATH"
_LET_IN = ("PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET")
_POLL_S = 0.02


class JarsMissing(TerminalError):
    """Spark's extra jars are not installed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"no *.jar in {folder}: run `make setup`")


def jars_in(folder: Path = JARS) -> list[str]:
    """Return the jars of a folder.

    :raises JarsMissing: it holds none.
    """
    if not (found := sorted(map(str, folder.glob("*.jar")))):
        raise JarsMissing(folder)
    return found


class JvmEnded(TerminalError):
    """The JVM ended before it could be asked anything; why is in its output."""

    def __init__(self, code: int) -> None:
        super().__init__(f"Java ended with exit code {code}")


class LocalJvm:
    """A JVM that ends with this process, since its standard input does.

    :param options: more options of it.
    :param environment: of it; None for that of this process.
    :param log: where its output goes; None for the standard error of this process.
    :param folder: where a folder for its temporary files is made, which goes when it ends; None for the machine's.
    :raises OSError: there is no Java.
    """

    def __init__(
        self, options: Sequence[str], environment: Mapping[str, str] | None, log: Path | None, folder: Path | None
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="jvm-", dir=folder, ignore_cleanup_errors=True)
        self._written = Path(self._folder.name) / "port-and-secret"
        inherited = os.environ if environment is None else environment
        own = {"SPARK_LOCAL_IP": LOOPBACK, "SPARK_LOCAL_DIRS": self._folder.name, "TMPDIR": self._folder.name}
        with log.open("ab") if log else nullcontext() as output:
            self._process = subprocess.Popen(
                [*_command(options), f"-Djava.io.tmpdir={self._folder.name}", _SERVER],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env={**inherited, **own, _WRITES_TO: str(self._written)},
                process_group=0,  # else Ctrl+C reaches it too
            )
        atexit.register(self.end)

    @contextmanager
    def offered(self) -> Iterator[None]:
        """Let PySpark find this JVM within the block, by the variables that it looks for.

        :raises JvmEnded: it did not come up.
        """
        os.environ.update(zip(_LET_IN, self._port_and_secret, strict=True))
        try:
            yield
        finally:
            for name in _LET_IN:
                del os.environ[name]

    def end(self) -> None:
        """End it at once, and wait for it: nothing of a command stays behind. By itself it would take its time.

        Logging ends first. Else py4j would log each call that has no answer any more, with its trace. As this process
        ends, it still says which objects nobody needs.
        """
        logging.disable()
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()

    @cached_property
    def _port_and_secret(self) -> tuple[str, str]:
        """Wait for what the JVM writes when it listens: four bytes of port, four of a length, and a secret."""
        while not self._written.exists():
            if (code := self._process.poll()) is not None:
                raise JvmEnded(code)
            time.sleep(_POLL_S)
        written = self._written.read_bytes()
        return str(*struct.unpack_from(">i", written)), written[8:].decode()


_running: list[LocalJvm] = []


def local_jvm(
    options: Sequence[str] = (),
    *,
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
    folder: Path | None = None,
) -> LocalJvm:
    """Start the JVM of this process, or return the one that runs: PySpark knows one as long as the process lives.

    The parameters are those of :class:`LocalJvm`, for one that starts.

    :raises OSError: there is no Java.
    """
    if not _running:
        _running.append(LocalJvm(options, environment, log, folder))
    return _running[0]


def _pyspark() -> Path:
    """Return the folder of PySpark, which is not loaded for it."""
    spec = find_spec("pyspark")
    return Path(str(spec and spec.origin)).parent


def _command(options: Sequence[str]) -> list[str]:
    """Write the command line as Spark's scripts do, but for the vector API, which no view uses.

    The class path begins as theirs, with the same folder that is not there: else the archive of classes is no use.
    """
    home = _pyspark()
    first = sorted(map(str, (home / "jars").glob("slf4j-api-*.jar")))
    java = Path(os.environ["JAVA_HOME"]) / "bin" / "java" if os.environ.get("JAVA_HOME") else "java"
    return [
        str(java),
        *("-cp", ":".join([str(home / "conf"), *first, f"{home}/jars/*", *jars_in()])),
        # The first compiler only: a session of seconds ends before the second one pays (verify: 23 s, now 16 s).
        *("-Xmx1g", "-XX:TieredStopAtLevel=1", COMPILE_ALL, DEEP_STACKS, LOGGING),
        *class_archive_options().split(),
        *options,
        *(f"--add-opens={package}=ALL-UNNAMED" for package in OPENED),
        "-XX:-UsePerfData",
        *("-Dio.netty.tryReflectionSetAccessible=true", "-Dio.netty.allocator.type=pooled"),
    ]
