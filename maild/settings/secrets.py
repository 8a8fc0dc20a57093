"""Secrets are never values of maild.toml: each stands in a file of its own, or is a credential of systemd."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from maild.errors import ConfigError, Problem
from maild.reading import KeyPath, Places


def problems(
    table: KeyPath,
    key: str,
    file: Path | None,
    credential: str | None,
    places: Places,
    other: str = "credential",
) -> Iterator[Problem]:
    """What is wrong with where a secret is said to be: by `key` as a file, by `other` as a credential."""
    if file is not None and credential is not None:
        yield places.key((*table, other)).problem(f"{other}: stands beside {key}; one of them is enough")
    if file is not None and is_missing(file):
        yield places.value((*table, key)).problem(f"{key}: there is no file {file}")
    if credential is not None and "/" in credential:
        yield places.value((*table, other)).problem(f"{other}: is a name, not a path")


def is_missing(file: Path) -> bool:
    """Whether the file is surely not there; one in a folder closed to us may be."""
    try:
        return not file.exists()
    except OSError:
        return False


def first_line(what: str, file: Path | None, credential: str | None, env: Mapping[str, str]) -> str | None:
    """The first line of the file, or of the systemd credential of this name; None when neither is named. Raises ConfigError."""
    if file is None and credential is not None:
        folder = env.get("CREDENTIALS_DIRECTORY")
        if folder is None:
            needs = f"credential '{credential}' needs systemd (LoadCredential=)"
            raise ConfigError([Problem("maild.toml", 0, 0, needs)])
        file = Path(folder, credential)
    if file is None:
        return None
    try:
        return file.read_text("utf-8").split("\n", 1)[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError([Problem(str(file), 0, 0, f"the {what} cannot be read: {reason}")]) from error
