"""Two pipes between a process and one that works for it: neither side waits for the other while little is on its way."""

from __future__ import annotations

import contextlib
import fcntl
import multiprocessing
from multiprocessing.connection import Connection
from typing import Final, NamedTuple

PIPE: Final = 1 << 20
"""Octets that a pipe shall hold; any user may have as many (pipe(7))."""


class Pipes(NamedTuple):
    """One side's ends. `room`: octets of questions that their pipe surely holds."""

    questions: Connection
    answers: Connection
    room: int

    def close(self) -> None:
        self.questions.close()
        self.answers.close()

    def files(self) -> list[int]:
        """The descriptors of both."""
        return [self.questions.fileno(), self.answers.fileno()]


def connected() -> tuple[Pipes, Pipes]:
    """Ends for who asks and for who answers."""
    asked, asks = multiprocessing.Pipe(duplex=False)
    answered, answers = multiprocessing.Pipe(duplex=False)
    for pipe in (asks, answers):
        with contextlib.suppress(OSError):  # this user's pipes hold too much already: it stays as it is
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE)
    holds = fcntl.fcntl(asks.fileno(), fcntl.F_GETPIPE_SZ)
    room = holds - holds // 8  # the last page of each question may stay half empty
    return Pipes(asks, answered, room), Pipes(asked, answers, room)
