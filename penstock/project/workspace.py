"""Workspace: a clone as one command sees it, from its first look to its end."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from penstock.config import Config
from penstock.errors import TerminalError
from penstock.project.declared import DeclaredView, describe, fingerprint_of_files, keep, read_kept, read_last
from penstock.project.folders import Project, sources_of

if TYPE_CHECKING:
    from penstock_views.declaration.load import ViewFileBroken
    from penstock_views.declaration.views import View, ViewInvalid


@dataclass(frozen=True)
class Workspace:
    """The configuration and the views. A command makes one and hands it down, so it sees one version of each file.

    The view files are Python of the user. They run when the views are first asked for, and not again. Whatever else
    changes while a command runs is not kept here but read at its moment. That is the connectors' lists, the epoch, the
    paused views, and every file that is derived from the views. After a view file was written, or while a person had
    time to edit one, `fresh` makes the next workspace. A process that does not end makes one for each look.
    """

    config: Config
    of: Workspace | None = None
    """The whole that this is a part of: one source of it."""

    @cached_property
    def sources(self) -> tuple[Workspace, ...]:
        """The same clone for each source database in use, with its views alone."""
        return tuple(Workspace(each, self) for each in sources_of(self.config)) if self.of is None else (self,)

    @property
    def whole(self) -> Workspace:
        """The clone with all views."""
        return self.of or self

    def of_view(self, name: str) -> Workspace:
        """Return the part that a view is in; the whole where nobody declares it."""
        return next((each for each in self.sources if any(view.name == name for view in each.views)), self)

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

    @property
    def tables(self) -> list[str]:
        """The tables of the views, `schema.table`; of one source, as two may have tables of one name."""
        return sorted({view.table for view in self.views})

    @cached_property
    def declared(self) -> tuple[DeclaredView, ...]:
        """Every view as plain values: PySpark is loaded only if a view file changed since the last look.

        :raises ViewFileBroken, ViewInvalid: the first that is wrong, with file and line.
        """
        if self.of is not None:
            return tuple(view for view in self.of.declared if view.source == self.config.source)
        if "loaded" in vars(self):  # a command sees one version of each file
            return self._described()
        fingerprint = fingerprint_of_files(self.config)
        kept = read_kept(self.config, fingerprint)
        if kept is None:
            kept = self._described()
            keep(self.config, fingerprint, kept)
        return kept

    def as_declared_last(self) -> tuple[Workspace, str]:
        """Return the clone as its view files said when they could be read last, and what is wrong with them now.

        For who looks at what runs: while a file is broken, the jobs keep the views that they have.

        :raises ViewFileBroken, ViewInvalid: the first that is wrong, when nobody has read them before.
        """
        try:
            _ = self.declared
        except TerminalError as exc:
            if (last := read_last(self.config)) is None:
                raise
            workspace = self.fresh()
            vars(workspace)["declared"] = last
            return workspace, str(exc)
        return self, ""

    def _described(self) -> tuple[DeclaredView, ...]:
        return tuple(describe(self.project, view) for view in self.views)

    @cached_property
    def loaded(self) -> tuple[tuple[View, ...], list[ViewFileBroken | ViewInvalid]]:
        """The views that can be loaded, and what is wrong with the others."""
        from penstock_views.declaration.load import load_each  # loads PySpark, which `connectors` does without

        if self.of is not None:
            views, wrong = self.of.loaded
            return tuple(view for view in views if view.source == self.config.source), wrong
        return load_each(self.project.views, self.config.names, self.config.sources)

    @property
    def reading(self) -> Workspace:
        """Return the same clone, with its views as they were seen, for who only reads the source databases."""
        other = Workspace(self.config.reading)
        vars(other).update({name: seen for name, seen in vars(self).items() if name in {"loaded", "declared"}})
        return other

    def fresh(self) -> Workspace:
        """Return the same clone with its files as they are now."""
        return Workspace(self.config)
