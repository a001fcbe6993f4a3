"""The name of a stack's installation: noted in its state folder at the first command, the same ever after.

Another name is another installation: with it, what is there would be neither found nor removed.
"""

from __future__ import annotations

from pathlib import Path

from penstock.config import Config
from penstock.errors import TerminalError
from penstock.installation import DEFAULT
from penstock.layout import Layout
from penstock.whole_file import write_whole


class OtherName(TerminalError):
    """The state belongs to an installation of another name."""

    def __init__(self, state: Path, *, noted: str, asked: str) -> None:
        super().__init__(
            f"nothing was done: {state} belongs to the installation {noted}, and penstock.toml has the name {asked}, "
            "which is another installation.\n"
            f"  What to do: name = \"{noted}\" in penstock.toml, to go on with it; or another 'state' for {asked}; "
            f"or, with the name {noted}, delete it: penstock reset --yes"
        )


def refuse_other_name(config: Config) -> None:
    """Make sure that the state is of this installation, or of none yet.

    :raises OtherName: it is of another one.
    """
    noted = _noted(Layout.of(config))
    if noted not in (None, config.name):
        raise OtherName(config.state_dir, noted=noted, asked=config.name)


def note_name(config: Config) -> None:
    """Note whose the state is from now on."""
    if not (file := _file(Layout.of(config))).exists():
        write_whole(file, config.name)


def _noted(layout: Layout) -> str | None:
    if (file := _file(layout)).exists():
        return file.read_text().strip()
    # One of an earlier version had no other name. An image has empty folders, for the volumes that may cover them.
    return DEFAULT if any(layout.data("").glob("*/*")) else None


def _file(layout: Layout) -> Path:
    return layout.state / "name"
