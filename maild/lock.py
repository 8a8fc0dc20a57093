"""One daemon a store where only one can be: a second one would take up what the first has in work."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from maild.errors import MaildError


class AlreadyRunning(MaildError):
    """Another maild does what this one was to do."""


@contextlib.contextmanager
def only_one(file: Path | None) -> Iterator[None]:
    """Hold the lock of this file, which is made; None: nothing is to be held. Raises AlreadyRunning when another process has it."""
    if file is None:
        yield
        return
    with file.open("a") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(f"another maild runs on {file.with_suffix('')}") from None
        yield
