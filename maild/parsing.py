"""Mails are read in a process of their own with limits of time and memory: whatever a mail does there, the desk goes on.

While one mail is processed the next ones are read on another processor.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import resource
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from typing import Any, Literal, Protocol

from maild import isolation
from maild.desk.facts import Envelope, Parsed, Trust
from maild.errors import NotNow
from maild.message.language import hold_tables
from maild.pipes import Pipes, connected, taken

CPU_SECONDS = 20
WALL_SECONDS = 60.0
MEMORY = 3 << 30
START_SECONDS = 60.0
ALONE = 1 << 20
"""Mails of so many octets are read one after the other, so that the memory of one is enough."""
AHEAD = 16
"""Mails that are read or wait to be read, at most, before the one in front of them is asked for. More are asked for when half of them are left,
so that the reader is woken for several."""


@dataclass(frozen=True, slots=True)
class Job:
    """A mail to read. `trusted`: it came from a peer whose Authentication-Results count. `envelope`: how it came, for who verifies it."""

    raw: bytes
    trust: Trust
    trusted: bool
    envelope: Envelope | None = None


class Reading(Protocol):
    """Reads mails, in order."""

    def read(self, jobs: Iterable[Job]) -> Iterator[Parsed | Exception]:
        """What became of each; an exception where reading it failed, which it never should."""
        ...

    def ready(self) -> bool:
        """Whether the next one can be had at once."""
        ...


class InProcess:
    """Reads right here: for a single mail, and for tests."""

    def read(self, jobs: Iterable[Job]) -> Iterator[Parsed | Exception]:
        """Each when it is asked for."""
        for job in jobs:
            try:
                yield _parse(job)
            except Exception as fault:  # noqa: BLE001  handed on: that mail is put aside, the others are not
                yield fault

    def ready(self) -> bool:
        """Always: it is read when it is asked for."""
        return True


class InWorker:
    """Reads in a process with limits, which is replaced when a mail breaks it or takes too long. For one thread at a time.

    `method`: "spawn", or "fork" where no other thread is at work whose locks would stay locked.
    """

    def __init__(
        self,
        cpu: int = CPU_SECONDS,
        wall: float = WALL_SECONDS,
        memory: int = MEMORY,
        method: Literal["spawn", "fork"] = "spawn",
    ) -> None:
        self.cpu, self.wall, self.memory, self.method = cpu, wall, memory, method
        self._process: BaseProcess | None = None
        self._pipes: Pipes | None = None
        self._asked: deque[int] = deque()
        """What each question takes of the pipe that has no answer yet."""

    def read(self, jobs: Iterable[Job]) -> Iterator[Parsed | Exception]:
        """Each as it comes; those after it are being read meanwhile. A mail that exceeds the limits is `unreadable`."""
        if self._asked:  # whoever asked for these has left
            self.close()
        todo = iter(jobs)
        ahead: deque[Job] = deque()
        held: Job | None = None
        while True:
            more = len(ahead) <= AHEAD // 2
            while more and len(ahead) < AHEAD and not (ahead and len(ahead[-1].raw) >= ALONE):
                held = held or next(todo, None)
                if held is None or (ahead and len(held.raw) >= ALONE):
                    break
                ahead.append(held)
                held = None
            if not ahead:
                return
            self._ask(ahead)
            outcome = self._receive(ahead[0])
            ahead.popleft()
            self._ask(ahead)
            yield outcome
            del outcome

    def ready(self) -> bool:
        """Whether the reader has finished the next mail."""
        return self._pipes is not None and self._pipes.answers.poll(0)

    def start(self) -> None:
        """Start the process ahead of the first mail. A start that fails is tried again with that mail."""
        with contextlib.suppress(NotNow):
            self._running()

    def close(self) -> None:
        """End the process."""
        self._asked.clear()
        if self._process is None or self._pipes is None:
            return
        self._pipes.close()
        self._process.kill()
        self._process.join()
        self._process.close()
        self._process = self._pipes = None

    def _ask(self, ahead: Sequence[Job]) -> None:
        """Send what the reader has not got of these; but never so much that both sides wait for the other to receive. Raises NotNow."""
        for _ in range(2):  # the process may have ended since the last mail
            try:
                while len(self._asked) < len(ahead):
                    pipes, job = self._running(), ahead[len(self._asked)]
                    if self._asked and sum(self._asked) + taken(len(job.raw)) > pipes.room:
                        return
                    question = _question(job)
                    takes = sum(taken(len(part)) for part in question)
                    if self._asked and sum(self._asked) + takes > pipes.room:
                        return
                    for part in question:
                        pipes.questions.send_bytes(part)
                    self._asked.append(takes)
            except (BrokenPipeError, ConnectionResetError, EOFError):
                self.close()
            else:
                return

    def _running(self) -> Pipes:
        if self._pipes is not None and self._process is not None and self._process.is_alive():
            return self._pipes
        self.close()
        if self.method == "fork":
            _load()
        context: Any = multiprocessing.get_context(self.method)
        pipes, theirs = connected()
        process = context.Process(
            target=_serve,
            args=(theirs, self.cpu, self.memory, self.method == "fork"),
            name="maild-reader",
            daemon=True,
        )
        try:
            process.start()
        except OSError as fault:  # no memory, or too many processes
            pipes.close()
            raise NotNow(f"the reader cannot be started: {fault.strerror or fault}") from fault
        finally:
            theirs.close()
        self._pipes, self._process = pipes, process
        try:
            if not pipes.answers.poll(START_SECONDS):
                raise EOFError("it says nothing")
            pipes.answers.recv()  # it is warm
        except (EOFError, OSError) as fault:  # that is no fault of a mail
            self.close()
            raise NotNow(f"the reader cannot be started: {fault}") from fault
        return pipes

    def _receive(self, job: Job) -> Parsed | Exception:
        """What became of the first that it was asked for and has not answered."""
        if self._pipes is None or not self._asked:
            return self._broken(job, "its reader could not be started")
        try:
            if self._pipes.answers.poll(self.wall):
                outcome = _answered(self._pipes.answers)
                self._asked.popleft()
                return outcome
            why = f"it took longer than {self.wall:.0f} seconds"
        except (EOFError, OSError):  # it ended before its answer, or in the middle of it
            why = "it took more time or memory than a mail may"
        return self._broken(job, why)

    def _broken(self, job: Job, why: str) -> Parsed | Exception:
        self.close()
        try:
            return _unreadable(job, why)
        except Exception as fault:  # noqa: BLE001  handed on: that mail is put aside, the others are not
            return fault


def _serve(pipes: Pipes, cpu: int, memory: int, forked: bool) -> None:
    """The process: reads what comes until the other end is gone."""
    isolation.deafen()
    isolation.be_frugal()
    isolation.collect_seldom()
    isolation.stand_back()
    if forked:
        isolation.disinherit(pipes.files())
    _load()
    hold_tables(isolation.on_disk)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable()  # libraries log what is handled here: mails that break their rules
    try:
        pipes.answers.send("ready")
        while True:
            job = _asked(pipes.questions)
            used = resource.getrusage(resource.RUSAGE_SELF)
            resource.setrlimit(
                resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + cpu, resource.RLIM_INFINITY)
            )
            outcome = _read(job)
            del job  # a big one is not to stand beside its own contents while those are sent, nor these beside the next one
            _answer(pipes.answers, outcome)
            del outcome
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _question(job: Job) -> list[bytes | memoryview]:
    """What of a mail its reader needs; a big one by itself, for to be pickled is to be copied."""
    big = len(job.raw) >= ALONE
    about = ForkingPickler.dumps((b"" if big else job.raw, big, job.trust, job.trusted))
    return [about, job.raw] if big else [about]


def _asked(pipe: Connection) -> Job:
    raw, big, trust, trusted = pipe.recv()
    return Job(pipe.recv_bytes() if big else raw, trust, trusted)


def _answer(pipe: Connection, outcome: Parsed | Exception) -> None:
    """Send it; big contents by themselves."""
    apart: tuple[bytes, ...] = ()
    if isinstance(outcome, Parsed) and sum(map(len, outcome.contents)) >= ALONE:
        apart, outcome = outcome.contents, replace(outcome, contents=())
    pipe.send((outcome, len(apart)))
    for content in apart:
        pipe.send_bytes(content)


def _answered(pipe: Connection) -> Parsed | Exception:
    outcome: Parsed | Exception
    outcome, apart = pipe.recv()
    if isinstance(outcome, Parsed) and apart:
        return replace(outcome, contents=tuple(pipe.recv_bytes() for _ in range(apart)))
    return outcome


def _read(job: Job) -> Parsed | Exception:
    try:
        # its traceback holds all that took the memory: nothing is tried before that is gone
        with contextlib.suppress(MemoryError):
            return _parse(job)
        return _unreadable(job, "it took more memory than a mail may")
    except Exception as fault:  # noqa: BLE001  handed on: that mail is put aside, the others are not
        return RuntimeError(f"{type(fault).__name__}: {fault}")


def _parse(job: Job) -> Parsed:
    from maild.message.parse import parse  # a node, and who writes no mail, has no use for the parsers

    return parse(job.raw, job.trust, trusted=job.trusted)


def _unreadable(job: Job, why: str) -> Parsed:
    from maild.message.unreadable import unreadable  # as above

    return unreadable(job.raw, job.trust, trusted=job.trusted, why=why)


def _load() -> None:
    """Load the parsers ahead of the first mail."""
    for module in ("maild.message.parse", "maild.message.unreadable"):
        import_module(module)
