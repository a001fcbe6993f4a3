"""The name of a stack's installation: noted in its state folder at the first command, the same ever after.

Another name is another installation: with it, what is there would be neither found nor removed. A folder without the
note is nobody's stack, and never deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from penstock.config import Config
from penstock.errors import TerminalError
from penstock.installation import DEFAULT
from penstock.layout import Layout
from penstock.whole_file import write_whole

NOTE = "name"
_DATA = ("postgres", "kafka", "cassandra")
"""Folders of data that show a stack of an earlier version, which noted no name."""
_BEFORE = {"airflow", "bench", "clients", "conf", "console", "data", "files", "hash.secret", "instances.json"}
_BEFORE |= {"logs", "lost+found", "profile", "run", "secrets", "tmp"}
"""What may be in a state folder before its first note: of Penstock's, of a volume's, of a file system's."""


class OtherName(TerminalError):
    """The state belongs to an installation of another name."""

    def __init__(self, state: Path, *, noted: str, asked: str) -> None:
        super().__init__(
            f"nothing was done: {state} belongs to the installation {noted}, and penstock.toml has the name {asked}, "
            "which is another installation.\n"
            f"  What to do: name = \"{noted}\" in penstock.toml, to go on with it; or another 'state' for {asked}; "
            f"or, with the name {noted}, delete it: penstock reset --yes"
        )


class StateForeign(TerminalError):
    """The state folder holds what is of no stack, and is not ours to change."""

    def __init__(self, state: Path, held: Sequence[str], *, why: str, cure: str) -> None:
        listed = ", ".join(held[:3]) + (f" and {len(held) - 3} more" if len(held) > 3 else "")
        super().__init__(f"nothing was done: {state} holds {listed}, {why}.\n  What to do: {cure}")


def refuse_other_name(config: Config) -> None:
    """Make sure that the state is of this installation, or of none yet.

    :raises OtherName: it is of another one.
    """
    noted = _noted(Layout.of(config))
    if noted not in (None, config.name):
        raise OtherName(config.state_dir, noted=noted, asked=config.name)


def refuse_foreign(config: Config) -> None:
    """Make sure that a stack may begin in the state folder, which `reset` deletes as a whole.

    :raises StateForeign: it holds what is none of Penstock's.
    """
    layout = Layout.of(config)
    foreign = [name for name in _held(layout) if name not in _BEFORE]
    if foreign and _noted(layout) is None:
        cure = "give 'state' in penstock.toml a folder of its own, empty or new"
        raise StateForeign(layout.state, foreign, why="which is none of Penstock's", cure=cure)


def refuse_unnoted(config: Config) -> None:
    """Make sure that the state folder is this installation's, and may be deleted.

    :raises OtherName: it is of another one.
    :raises StateForeign: it is of none.
    """
    refuse_other_name(config)
    layout = Layout.of(config)
    if (held := _held(layout)) and _noted(layout) is None:
        cure = "look at 'state' in penstock.toml; if the folder is right, delete it yourself"
        raise StateForeign(layout.state, held, why="and no note of a stack (the file 'name')", cure=cure)


def note_name(config: Config) -> None:
    """Note whose the state is from now on."""
    if not (file := _file(Layout.of(config))).exists():
        write_whole(file, config.name)


def _noted(layout: Layout) -> str | None:
    if (file := _file(layout)).exists():
        return file.read_text().strip()
    # One of an earlier version had no other name. An image has empty folders, for the volumes that may cover them.
    return DEFAULT if any(any(layout.data(part).glob("*")) for part in _DATA) else None


def _held(layout: Layout) -> list[str]:
    return sorted(each.name for each in layout.state.glob("*"))


def _file(layout: Layout) -> Path:
    return layout.state / NOTE
