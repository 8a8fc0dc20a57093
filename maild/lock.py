"""One daemon a store where only one can be, and a name of its own for each where there may be several: one that had another's name would take
up what that one has in work."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import socket
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


@contextlib.contextmanager
def own_name(name: str) -> Iterator[str]:
    """`name`, or that with -2, -3 and so on: the first that no other process of this host holds. It is held until the end, also by kill -9.

    Names are held as sockets of the abstract namespace (unix(7)); where there is none, `name` it is.
    """
    number = 1
    while True:
        mine = name if number == 1 else f"{name}-{number}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as held:
            try:
                held.bind(f"\0maild node {mine}")
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    number += 1
                    continue
                mine = name
            yield mine
            return
