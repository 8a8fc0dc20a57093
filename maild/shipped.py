"""The files that maild brings: the rules and templates that a new desk starts with."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def data_dir(name: str) -> Path:
    """The folder `rules` or `templates` that maild brings: inside an installed package, beside it in a checkout."""
    packaged = Path(str(files("maild"))) / "_data" / name
    return packaged if packaged.is_dir() else Path(__file__).resolve().parent.parent / name
