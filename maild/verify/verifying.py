"""Mails are verified while others are read: several side by side, each with its own deadline, outcomes in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime
from typing import TYPE_CHECKING, Final

from maild.desk.facts import Parsed
from maild.parsing import Job, Reading
from maild.settings import Trust

if TYPE_CHECKING:
    from maild.verify.verifier import Verifier

SIDE_BY_SIDE: Final = 8
_AHEAD_OCTETS: Final = 32 << 20
_LOOK: Final = 0.05


class AsSet:
    """The verifier that `[trust]` asks for, made anew when a reload has changed that; None when we are not to verify."""

    def __init__(self, trust: Callable[[], Trust], clock: Callable[[], datetime]) -> None:
        self._trust, self._clock = trust, clock
        self._made_for: Trust | None = None
        self._verifier: Verifier | None = None

    def __call__(self) -> Verifier | None:
        trust = self._trust()
        if trust != self._made_for:
            self._verifier = _made(trust, self._clock) if trust.verify else None
            self._made_for = trust
        return self._verifier


def _made(trust: Trust, clock: Callable[[], datetime]) -> Verifier:
    from maild.verify.verifier import (
        verifier,
    )  # its libraries take most of a second to load, and few desks need them

    return verifier(trust, clock)


class Verifying:
    """Reads with another and verifies with what `current` gives before each batch; None: not at all. For one thread at a time."""

    def __init__(self, reading: Reading, current: Callable[[], Verifier | None]) -> None:
        self._reading, self._current = reading, current
        self._batch: _Batch | None = None
        self._pool = ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="maild-verify")

    def read(self, jobs: Iterable[Job]) -> Iterator[Parsed | Exception]:
        """Each as it is read and verified; others are verified meanwhile."""
        verifier = self._current()
        if verifier is None:
            self._batch = None
            yield from self._reading.read(jobs)
            return
        batch = self._batch = _Batch(self._reading, jobs, verifier, self._pool)
        try:
            yield from batch
        finally:
            batch.cancel()

    def ready(self) -> bool:
        """Whether the next one is read, and verified if it has to be."""
        return self._reading.ready() if self._batch is None else self._batch.ready()

    def close(self) -> None:
        """Take no more; what is being verified ends by its deadline."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class _Batch:
    """The mails of one `read`: those that are read already and being verified, in order."""

    def __init__(
        self, reading: Reading, jobs: Iterable[Job], verifier: Verifier, pool: ThreadPoolExecutor
    ) -> None:
        self._reading, self._verifier, self._pool = reading, verifier, pool
        self._jobs: deque[Job] = deque()
        self._outcomes = reading.read(self._noted(jobs))
        self._ahead: deque[tuple[int, Future[Parsed | Exception]]] = deque()
        self._octets = 0
        self._over = False

    def __iter__(self) -> Iterator[Parsed | Exception]:
        while True:
            if not self._ahead:
                self._take()
            if not self._ahead:
                return
            size, first = self._ahead[0]
            self._look_ahead()
            while not first.done():
                wait((first,), timeout=_LOOK)
                self._look_ahead()
            self._ahead.popleft()
            self._octets -= size
            yield first.result()

    def ready(self) -> bool:
        self._look_ahead()
        return bool(self._ahead) and self._ahead[0][1].done()

    def cancel(self) -> None:
        for _, future in self._ahead:
            future.cancel()

    def _noted(self, jobs: Iterable[Job]) -> Iterator[Job]:
        for job in jobs:
            self._jobs.append(job)
            yield job

    def _look_ahead(self) -> None:
        """Begin to verify what has been read already."""
        while (
            not self._over
            and len(self._ahead) < SIDE_BY_SIDE
            and self._octets < _AHEAD_OCTETS
            and self._reading.ready()
        ):
            self._take()

    def _take(self) -> None:
        """The next mail that is read, waiting for it; being verified from now on."""
        outcome = None if self._over else next(self._outcomes, None)
        if outcome is None:
            self._over = True
            return
        job = self._jobs.popleft()
        if isinstance(outcome, Exception) or not self._verifier.wanted(job, outcome):
            future: Future[Parsed | Exception] = Future()
            future.set_result(outcome)
        else:
            future = self._pool.submit(self._verifier.verified, job, outcome)
        self._ahead.append((len(job.raw), future))
        self._octets += len(job.raw)
