"""Places of one stack's files: what the clone installed, and the stack's own state folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import Template

from penstock.clone import ROOT
from penstock.config import Config

SERVERS = ROOT / ".servers"
"""What `make setup` installed: jars, plugins, Postgres, Airflow's environment."""

VENV_BIN = ROOT / ".venv" / "bin"


@dataclass(frozen=True)
class Layout:
    """The folders of one stack's state; everything below `state` is deleted by `penstock reset`."""

    state: Path

    @classmethod
    def of(cls, config: Config) -> Layout:
        """Return the layout of the stack that this configuration describes."""
        return cls(config.state_dir)

    def conf(self, part: str) -> Path:
        """Return the folder of a part's rendered configuration."""
        return self.state / "conf" / part

    def data(self, part: str) -> Path:
        """Return the folder of a part's data."""
        return self.state / "data" / part

    @property
    def row_views(self) -> Path:
        """Return the folder with the progress of the row views' queries."""
        return self.data("views") / "checkpoint"

    @property
    def aggregates(self) -> Path:
        """Return the folder with the runs of all aggregates."""
        return self.data("aggregates")

    def log(self, part: str) -> Path:
        """Return the file that holds what a part prints."""
        return self.state / "logs" / f"{part}.log"

    @property
    def run(self) -> Path:
        """Return the folder of pid files, sockets and launch files."""
        return self.state / "run"

    @property
    def numbers_file(self) -> Path:
        """Return the file that holds how many brokers and nodes the data began with."""
        return self.state / "instances.json"

    @property
    def watch_file(self) -> Path:
        """Return the file that holds what the connect-watcher knows."""
        return self.run / "connect-watcher.json"

    def trouble_file(self, job: str) -> Path:
        """Return the file that holds what is wrong with a job of Spark."""
        return self.run / f"{job}.trouble.json"

    def running_file(self, job: str) -> Path:
        """Return the file in which a job of Spark says which views it runs."""
        return self.run / f"{job}.running.json"

    @property
    def views_file(self) -> Path:
        """Return the file that keeps what the view files declare (`project/declared.py`)."""
        return self.run / "declared-views.json"

    def temporary(self, part: str) -> Path:
        """Return the folder that is a part's /tmp: nothing is written outside the clone."""
        return self.state / "tmp" / part

    def temporary_environment(self, part: str) -> dict[str, str]:
        """Return what makes Python, Java and Spark keep a part's temporary files in its own folder."""
        folder = self.temporary(part)
        java = f'"-Djava.io.tmpdir={folder}" -XX:-UsePerfData'
        return {"TMPDIR": str(folder), "SPARK_LOCAL_DIRS": str(folder), "JDK_JAVA_OPTIONS": java}

    def launch_file(self, part: str) -> Path:
        """Return the file that says to the launcher what to run."""
        return self.run / "parts" / f"{part}.json"


def render(template: Path, target: Path, **values: object) -> Path:
    """Fill a configuration template of the repository into the state folder.

    :param values: one for each `${name}`; a name without a value is an error of ours and raises KeyError.
    :returns: the target.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(Template(template.read_text()).substitute({name: str(value) for name, value in values.items()}))
    return target
