"""Settings of single tables."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from penstock.sections.part import Section


class SourceTable(Section):
    """What holds for a table and all of its views.

    The values of the columns in `exclude` never leave Postgres. Of those in `hash`, hashes leave it in their place.
    """

    exclude: tuple[str, ...] = ()
    hash: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if both := sorted({*self.exclude} & {*self.hash}):
            problem = f"{', '.join(both)}: either in `exclude` or in `hash`"
            raise PydanticCustomError("excluded_and_hashed", "{problem}", {"problem": problem})
        return self
