"""Spark standalone: the master, its workers, and the two jobs that are submitted to them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from penstock.class_archive import class_archive_options
from penstock.clone import ROOT
from penstock.config import Config
from penstock.hashed import SECRET
from penstock.installation import password_variable
from penstock.instances import host_of, name_of
from penstock.layout import SERVERS, VENV_BIN, Layout
from penstock.project.folders import Project, sources_of
from penstock.running import read_running
from penstock.sections.connect import Registry
from penstock.sections.part import absolute
from penstock.secured import Secrets
from penstock.spark_master import AGGREGATES_CORES, alive_workers, applications, master_state
from penstock.stack.build import OURS
from penstock.stack.part import Part
from penstock.stack.parts.executor_java import write_java_home
from penstock.trouble import read_trouble

_SPARK_HOME = ROOT / ".venv/lib/python3.11/site-packages/pyspark"
_LOGGING = ROOT / "servers/spark/log4j2.properties"
_DAEMON = (_SPARK_HOME / "version.py", _LOGGING)
"""What a master and a worker run: of Spark, which comes as a whole."""
_RECOVERY_S = 20
"""How long a new master waits for those it knew; when all died with it, nobody comes (Spark's own: 60)."""
_CORES = 4096
"""More than any set of tables takes: one for each partition of each table, twice while a killed job holds its own.

An offer costs nothing: a task that waits for records needs no time of a processor.
"""


def spark_master(config: Config, layout: Layout) -> Part:
    """Return the master; what it knows of its workers and applications survives a crash of it."""
    section = config.spark
    recovery = layout.data("spark-master")
    options = (
        "-Dspark.deploy.recoveryMode=FILESYSTEM",
        f"-Dspark.deploy.recoveryDirectory={recovery}",
        f"-Dspark.deploy.recoveryTimeout={_RECOVERY_S}",
        # A second door, on a port of its own choice, by which everybody may run code: ours use the first one.
        "-Dspark.master.rest.enabled=false",
    )
    address = ("--host", section.host, "--port", str(section.master_port), "--webui-port", str(section.master_ui_port))
    return Part(
        name="spark-master",
        command=(
            str(_SPARK_HOME / "bin/spark-class"),
            "org.apache.spark.deploy.master.Master",
            *address,
            *_asking(config),
        ),
        is_ready=lambda: master_state(config).get("status") == "ALIVE",
        prepare=lambda: recovery.mkdir(parents=True, exist_ok=True),
        environment=lambda: _environment(config, *options),
        host=section.host,
        runs=_DAEMON,
        ports={"spark.master_port": section.master_port, "spark.master_ui_port": section.master_ui_port},
    )


def spark_worker(config: Config, layout: Layout, *, number: int = 1) -> Part:
    """Return the worker.

    It offers far more cores than the machine has. Real-time Mode holds one for each input partition, busy or not, and a
    new table must not need another worker.

    :param number: of the worker.
    """
    section, name = config.spark, name_of("spark-worker", number)
    host = host_of(section.own_host, number)
    work, java_home = layout.data(name), layout.conf(name) / "java"
    address = (
        "--host",
        host,
        "--port",
        str(section.worker_port),
        "--webui-port",
        str(section.worker_ui_port),
    )
    memory_mb = (config.executor_memory_mb + config.aggregates_memory_mb) * 2
    offer = ("--cores", str(_CORES), "--memory", f"{memory_mb}m")
    command = ("org.apache.spark.deploy.worker.Worker", *address, *offer, "--work-dir", str(work))
    return Part(
        name=name,
        command=(str(_SPARK_HOME / "bin/spark-class"), *command, *_asking(config), section.master_url),
        is_ready=lambda: _is_alive(config, host),
        needs=("spark-master",),
        prepare=partial(_prepare_worker, work, java_home),
        # A worker keeps the folder of each application it ran; the job restarts, the folders must not pile up.
        environment=lambda: {
            **_environment(config, "-Dspark.worker.cleanup.enabled=true"),
            "SPARK_LOCAL_IP": host,
            "JAVA_HOME": str(java_home),
        },
        runs=_DAEMON,
        host=host,
        ports={"spark.worker_port": section.worker_port, "spark.worker_ui_port": section.worker_ui_port},
    )


def _is_alive(config: Config, host: str) -> bool:
    """Ask the master for this worker; outside of its container, which alone knows its name, for any."""
    alive, section = alive_workers(config), config.spark
    is_known = config.supervised or section.local_host is not None
    return (host, section.worker_port) in alive if is_known else bool(alive)


def views_job(config: Config, layout: Layout) -> Part:
    """Return the job of row views and histories: CDC topics in, view topics and dead letters out."""
    section = config.spark
    arguments = {
        "--checkpoint": layout.row_views,
        "--executor-memory-mb": config.executor_memory_mb,
        "--driver-memory-mb": section.driver_memory_mb,
        "--commit-interval-s": section.commit_interval_s,
    }
    is_ready = partial(_takes_records, config, layout.running_file("views"))
    return _job(config, "views", "row_views.py", arguments, is_ready=is_ready)


def aggregates_job(config: Config, layout: Layout) -> Part:
    """Return the job that keeps the aggregates: an application of its own, since the other one holds its cores."""
    section = config.spark
    arguments = {
        "--checkpoint": layout.aggregates,
        "--cores": AGGREGATES_CORES,
        "--executor-memory-mb": config.aggregates_memory_mb,
        "--driver-memory-mb": section.aggregates_memory_mb,
        "--commit-interval-s": section.aggregates_interval_s,
    }
    is_ready = partial(_is_registered, config, config.names.aggregates_app)
    needs = ("postgres", "tables")
    job = _job(config, "aggregates", "aggregates.py", arguments, is_ready=is_ready, needs=needs)
    sources = [word for each in sources_of(config.reading) for word in ("--source", _source(each))]
    return replace(job, command=(*job.command, *sources), starts_after=("views",))


def _hash_secret(config: Config) -> str:
    """Return the secret of hashes; empty where nobody hashes."""
    return next((secret for each in sources_of(config) if (secret := each.hashed.secret)), "")


def _source(config: Config) -> str:
    """Write a source database for the command line, without its secrets."""
    section = config.database
    named = {"name": config.source, "slot": config.names.slot}
    hidden = {"excluded": config.excluded.lists, "hashed": config.hashed.lists}
    place = {"host": section.host, "port": section.port, "database": section.database, "user": section.user}
    return json.dumps(named | place | {"tls": section.tls} | hidden)


def _job(
    config: Config,
    name: str,
    file: str,
    arguments: Mapping[str, object],
    *,
    is_ready: Callable[[], bool],
    needs: tuple[str, ...] = (),
) -> Part:
    section, project, trouble_file = config.spark, Project.of(config), Layout.of(config).trouble_file(name)
    common = {
        "--name": config.name,
        "--master": section.master_url,
        "--driver-host": section.own_host,
        "--bootstrap": config.kafka.bootstrap,
        "--registry-url": config.registry.url,
        "--views-dir": project.views,
        "--avro-dir": project.avro,
        "--running-file": Layout.of(config).running_file(name),
        "--trouble-file": trouble_file,
        **_registry_files(config.registry),
        **({"--kafka-properties": let_in} if (let_in := config.kafka.bootstrap.properties_file) else {}),
    }
    flat = [str(word) for pair in (common | dict(arguments)).items() for word in pair]
    return Part(
        name=name,
        command=(str(VENV_BIN / "python"), str(ROOT / "spark/jobs" / file), *flat),
        is_ready=is_ready,
        why_not=lambda: read_trouble(trouble_file).reason,
        came_to=partial(_settled, Layout.of(config).running_file(name)),
        needs=("spark-worker", "subjects", "topics", *needs),
        environment=lambda: {
            **_environment(config),
            "PYSPARK_PYTHON": str(VENV_BIN / "python"),
            # Not in the command line, which everybody on the machine can read.
            **{password_variable(each.source): each.database.password for each in sources_of(config.reading)},
            SECRET: _hash_secret(config),
            **_known_to_master(config),
        },
        runs=(*OURS, ROOT / "spark/jobs", SERVERS / "spark", _LOGGING),
        stop_wait_s=20,
    )


def _asking(config: Config) -> tuple[str, ...]:
    """Return the options by which a master or a worker asks who comes."""
    secrets = Secrets.of(config)
    return ("--properties-file", str(secrets.spark_daemons)) if secrets.exist else ()


def _known_to_master(config: Config) -> dict[str, str]:
    """Return the environment by which a job reads what its master asks for: its arguments are seen by everybody."""
    secrets = Secrets.of(config)
    file = absolute(config.spark.properties_file) or (secrets.spark_jobs if secrets.exist else None)
    return {"PYSPARK_SUBMIT_ARGS": f"--properties-file {shlex.quote(str(file))} pyspark-shell"} if file else {}


def _registry_files(section: Registry) -> dict[str, object]:
    """Say how the registry lets the job in: files and names only, since everybody on the machine sees arguments."""
    let_in = section.let_in
    given = {
        "--registry-user": let_in.user,
        "--registry-password-file": let_in.password_file,
        "--registry-token-file": let_in.token_file,
        "--registry-ca-file": let_in.ca_file,
    }
    return {name: value for name, value in given.items() if value}


def _environment(config: Config, *daemon_options: str) -> dict[str, str]:
    # No SPARK_CONF_DIR: a folder that exists in the class path, and Java refuses the archive of classes.
    # Master and worker have little to do, for which the first compiler is enough.
    quick = f"-XX:TieredStopAtLevel=1 {class_archive_options()}"
    options = (f"-Dlog4j2.configurationFile={_LOGGING}", quick, *daemon_options)
    secrets = Secrets.of(config)
    shared = {"_SPARK_AUTH_SECRET": secrets.password("spark")} if secrets.exist else {}
    return {
        "SPARK_HOME": str(_SPARK_HOME),
        "SPARK_DAEMON_JAVA_OPTS": " ".join(options),
        "SPARK_LOCAL_IP": config.spark.own_host,
        "SPARK_DAEMON_MEMORY": "256m",
        # Where Spark's servers, and executors, look for their common secret first (SecurityManager).
        **shared,
    }


def _prepare_worker(work: Path, java_home: Path) -> None:
    work.mkdir(parents=True, exist_ok=True)
    write_java_home(java_home)


def _takes_records(config: Config, running_file: Path) -> bool:
    """Return whether the application that takes records, or waits for the first, is one that the master knows."""
    running = read_running(running_file)
    if running is None or not running.is_settled:
        return False
    return running.application in {app["id"] for app in applications(config, config.names.views_app)}


def _settled(running_file: Path) -> int:
    running = read_running(running_file)
    return 0 if running is None else running.settled


def _is_registered(config: Config, name: str) -> bool:
    return bool(applications(config, name))
