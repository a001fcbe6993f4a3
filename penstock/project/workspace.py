"""Workspace: a clone as one command sees it, from its first look to its end."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from penstock.config import Config
from penstock.project.declared import DeclaredView, describe, fingerprint_of_files, keep, read_kept
from penstock.project.folders import Project

if TYPE_CHECKING:
    from penstock_views.declaration.load import ViewFileBroken
    from penstock_views.declaration.views import View, ViewInvalid


@dataclass(frozen=True)
class Workspace:
    """The configuration and the views. A command makes one and hands it down, so it sees one version of each file.

    The view files are Python of the user. They run when the views are first asked for, and not again.
    Whatever else changes while a command runs is not kept here but read at its moment: the connectors' lists, the
    epoch, the paused views, and every file that is derived from the views. After a view file was written, or while a
    person had time to edit one, `fresh` makes the next workspace. A process that does not end makes one for each look.
    """

    config: Config

    @property
    def project(self) -> Project:
        """The folders of the clone."""
        return Project.of(self.config)

    @property
    def views(self) -> tuple[View, ...]:
        """Every view of the project, ordered by name.

        :raises ViewFileBroken, ViewInvalid: the first that is wrong, with file and line.
        """
        views, wrong = self.loaded
        if wrong:
            raise wrong[0]
        return views

    @cached_property
    def declared(self) -> tuple[DeclaredView, ...]:
        """Every view as plain values: PySpark is loaded only if a view file changed since the last look.

        :raises ViewFileBroken, ViewInvalid: the first that is wrong, with file and line.
        """
        if "loaded" in vars(self):  # a command sees one version of each file
            return self._described()
        fingerprint = fingerprint_of_files(self.config)
        kept = read_kept(self.config, fingerprint)
        if kept is None:
            kept = self._described()
            keep(self.config, fingerprint, kept)
        return kept

    def _described(self) -> tuple[DeclaredView, ...]:
        return tuple(describe(self.project, view) for view in self.views)

    @cached_property
    def loaded(self) -> tuple[tuple[View, ...], list[ViewFileBroken | ViewInvalid]]:
        """The views that can be loaded, and what is wrong with the others."""
        from penstock_views.declaration.load import load_each  # loads PySpark, which `connectors` does without

        return load_each(self.project.views, self.config.names)

    def fresh(self) -> Workspace:
        """Return the same clone with its files as they are now."""
        return Workspace(self.config)
