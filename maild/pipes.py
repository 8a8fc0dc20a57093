"""Two pipes between a process and one that works for it: neither side waits for the other while little is on its way."""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import multiprocessing
from multiprocessing.connection import Connection
from typing import Final, NamedTuple

PAGE: Final = mmap.PAGESIZE
PIPE: Final = 1 << 20
"""Octets that a pipe shall hold; any user may have as many (pipe(7))."""


class Pipes(NamedTuple):
    """One side's ends. `room`: octets that the pipe of questions holds, where each takes what `taken` says."""

    questions: Connection
    answers: Connection
    room: int

    def close(self) -> None:
        self.questions.close()
        self.answers.close()

    def files(self) -> list[int]:
        """The descriptors of both."""
        return [self.questions.fileno(), self.answers.fileno()]


def taken(octets: int) -> int:
    """What a question of so many octets takes of a pipe at most: whole pages, and one for its length and the end of the one before."""
    return (octets // PAGE + 2) * PAGE


def connected() -> tuple[Pipes, Pipes]:
    """Ends for who asks and for who answers."""
    asked, asks = multiprocessing.Pipe(duplex=False)
    answered, answers = multiprocessing.Pipe(duplex=False)
    for pipe in (asks, answers):
        with contextlib.suppress(OSError):  # this user's pipes hold too much already: it stays as it is
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE)
    room = fcntl.fcntl(asks.fileno(), fcntl.F_GETPIPE_SZ)
    return Pipes(asks, answered, room), Pipes(asked, answers, room)
