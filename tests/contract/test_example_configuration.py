"""penstock.toml.example shows every key with its real default."""

import tomllib

from penstock.clone import ROOT
from penstock.config import Config


def test_the_example_is_the_defaults() -> None:
    example = tomllib.loads((ROOT / "penstock.toml.example").read_text())
    assert example == Config().model_dump(mode="json", exclude_none=True)
