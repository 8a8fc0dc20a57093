"""Archived mail read from files: single messages, mbox files, Maildirs, and folders of all of them."""

from __future__ import annotations

import mailbox
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from maild.errors import BadInput

_MAILDIR = ("cur", "new")


@dataclass(frozen=True, slots=True)
class Archived:
    """A message as it lies there; `name` tells where."""

    name: str
    raw: bytes


def messages(paths: Sequence[Path]) -> Iterator[Archived]:
    """Every message of these files and folders, in their order; hidden files are left out.

    Raises BadInput for a path that is not there or cannot be read.
    """
    for path in paths:
        try:
            yield from _of_folder(path) if path.is_dir() else _of_file(path)
        except OSError as error:
            raise BadInput(f"{error.filename or path}: {error.strerror}") from error


def _of_folder(folder: Path) -> Iterator[Archived]:
    if all((folder / name).is_dir() for name in _MAILDIR):
        for name in _MAILDIR:
            for file in sorted((folder / name).iterdir()):
                if file.is_file() and not file.name.startswith("."):
                    yield Archived(str(file), file.read_bytes())
        return
    for path in sorted(folder.iterdir()):
        if not path.name.startswith("."):
            yield from _of_folder(path) if path.is_dir() else _of_file(path)


def _of_file(file: Path) -> Iterator[Archived]:
    """One message, or an mbox (RFC 4155): that begins with a `From ` line."""
    with file.open("rb") as opened:
        many = opened.read(5) == b"From "
    if not many:
        yield Archived(str(file), file.read_bytes())
        return
    box = mailbox.mbox(file, create=False)
    try:
        for number, key in enumerate(box.keys(), 1):
            yield Archived(f"{file}#{number}", box.get_bytes(key))
    finally:
        box.close()
