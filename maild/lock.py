"""One daemon a store and machine: a second one would take up what the first has in work."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from maild.errors import MaildError


class AlreadyRunning(MaildError):
    """Another maild runs on these files."""


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the lock of this folder. Raises AlreadyRunning when another process of this host has it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / f"lock-{os.uname().nodename}").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(f"another maild runs on {folder}") from None
        yield
