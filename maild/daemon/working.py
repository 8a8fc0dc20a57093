"""The loop that works: in a process of its own, which is started, woken, watched and started again; or in a thread of this one."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import multiprocessing
import select
import threading
import time
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Final, Protocol

import structlog

from maild import isolation
from maild.daemon import worker
from maild.daemon.running import POLL, Backoff, Running, within
from maild.errors import NotNow
from maild.parsing import InWorker
from maild.site import Site
from maild.verify.verifying import AsSet, Verifying

log = structlog.get_logger("maild.work")

PATIENCE: Final = 300.0
"""Seconds that one round of work may take: every mail in it at the end of its budget of time."""
SILENCE: Final = 180.0
"""Seconds without a sign after which the worker is taken to hang: more than any mail may take in it."""
START_SECONDS: Final = 60.0
DRAIN: Final = 60.0
HANDED: Final = 90.0


class Working(Protocol):
    """How mail is worked on. `restarts`: how often that had to begin anew."""

    restarts: int

    def start(self) -> None:
        """Prepare; called before anything else runs."""
        ...

    async def ready(self) -> None:
        """Returns when the first mail would be worked on at once."""
        ...

    async def run(self) -> None:
        """Work until the node stops, and end what is at work then."""
        ...

    def hand(self, site: Site) -> None:
        """From now on mail is worked on by these files. Called from a thread; returns when they are in force."""
        ...

    def close(self) -> None:
        """Leave nothing behind; after `run`, or in its place."""
        ...


class InThread:
    """Work in this process: for a desk that lives a minute."""

    def __init__(self, running: Running) -> None:
        self.restarts = 0
        self._running = running
        self._reading = InWorker()
        self._verifying = Verifying(
            self._reading, AsSet(lambda: running.flow.site.settings.trust, running.clock)
        )
        running.flow.reading = self._verifying

    def start(self) -> None:
        """Nothing: the reader is started by `ready`."""

    async def ready(self) -> None:
        await asyncio.to_thread(self._reading.start)

    async def run(self) -> None:
        running, backoff = self._running, Backoff()
        while not running.stopping.is_set():
            running.pulses.beat("work", PATIENCE)
            try:
                running.work_waits.clear()
                taken = await asyncio.to_thread(running.flow.work)
                backoff.reset()
            except NotNow as fault:
                log.error("work waits for the store", reason=str(fault))
                await backoff.wait(running.stopping)
                continue
            except Exception:  # the worker outlives every fault; a mail that causes one is put aside by flow
                log.exception("worker fault")
                await backoff.wait(running.stopping)
                continue
            if taken:
                running.mail_waits.set()
            else:
                await within(running.work_waits.wait(), POLL)
        running.pulses.ended("work")

    def hand(self, site: Site) -> None:
        """Nothing: the flow that works is the one that has them."""

    def close(self) -> None:
        self._verifying.close()
        self._reading.close()


class OwnProcess:
    """Work in a process of its own, so that taking and sending mail never wait for it, and a mail that breaks it breaks nothing else.

    It is forked while this process has no threads yet, so that both share their memory. It ends when no mail has come for long; it is spawned
    with the next mail, and when it has to be replaced.
    """

    def __init__(self, running: Running) -> None:
        self.restarts = 0
        self._running = running
        self._site = running.flow.site
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._heard_at = 0.0
        self._ready = asyncio.Event()
        self._lost = asyncio.Event()
        self._rests = False
        self._news = threading.Condition()
        self._sites = self._in_force = 0
        self._sending = threading.Lock()

    def start(self) -> None:
        alone = threading.active_count() == 1
        if alone:  # what both have is not to be touched by looking for garbage in it: that would copy it
            gc.collect()
            gc.freeze()
        self._start("fork" if alone else "spawn")

    async def ready(self) -> None:
        assert self._pipe is not None
        asyncio.get_running_loop().add_reader(self._pipe.fileno(), self._hear)
        waits = (asyncio.create_task(self._ready.wait()), asyncio.create_task(self._lost.wait()))
        await asyncio.wait(waits, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    async def run(self) -> None:
        running = self._running
        try:
            while not running.stopping.is_set():
                if self._lost.is_set():
                    await (self._rest() if self._rests else self._again())
                    continue
                running.work_waits.clear()
                self._tell("wake")
                await self._until_something()
            await self._drain()
        finally:
            running.pulses.ended("work")
            self._let_go()
            await asyncio.to_thread(self.close)

    def hand(self, site: Site) -> None:
        with self._news:
            self._site, self._sites = site, self._sites + 1
            number = self._sites
            if not self._tell("site", site, number):
                return  # the next one begins with them
            taken = self._news.wait_for(lambda: self._in_force >= number or self._lost.is_set(), HANDED)
        if not taken:
            log.warning("the worker takes the new files when it has ended what it is at")

    def close(self) -> None:
        process, pipe = self._process, self._pipe
        self._process = self._pipe = None
        if pipe is not None:
            pipe.close()
        if process is not None:
            process.kill()
            process.join()
            process.close()

    # -- the process -----------------------------------------------------------------------------------------------------------

    def _start(self, method: str) -> None:
        context: Any = multiprocessing.get_context(method)
        forked = method == "fork"
        begins_with = self._site
        pipe, theirs = context.Pipe()
        process = context.Process(
            target=worker.serve,
            args=(theirs, begins_with if forked else None, self._running.flow.node),
            name="maild-worker",
        )
        try:
            process.start()
        except OSError:
            pipe.close()
            raise
        finally:
            theirs.close()
        self._pipe, self._process = pipe, process
        if not forked:
            pipe.send(worker.version())
            pipe.send(begins_with)
        self._lost.clear()
        self._rests = False
        with self._news:  # files handed over meanwhile found nobody to tell
            if self._site is not begins_with:
                self._tell("site", self._site, self._sites)
        self._heard_at = time.monotonic()
        self._running.pulses.beat("work", PATIENCE)

    def _tell(self, *message: object) -> bool:
        """Whether there is a worker that was told. A short message is left out rather than waited with: one that does not listen has been told
        hundreds of times, and the event loop must live to see that it is silent."""
        short = len(message) == 1
        if not self._sending.acquire(blocking=not short):
            return False
        try:
            pipe = self._pipe
            if pipe is None or self._lost.is_set() or (short and not select.select([], [pipe], [], 0)[1]):
                return False
            pipe.send(message)
        except (OSError, ValueError):
            return False
        finally:
            self._sending.release()
        return True

    def _hear(self) -> None:
        """Called when the worker has said something, or has ended."""
        pipe = self._pipe
        try:
            while pipe is not None and pipe.poll(0):
                self._take(*pipe.recv())
        except (EOFError, OSError):
            self._let_go()
            with self._news:
                self._lost.set()
                self._news.notify_all()
            self._running.work_waits.set()

    def _let_go(self) -> None:
        if self._pipe is not None:
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())

    def _take(self, what: str, number: int = 0) -> None:
        self._heard_at = time.monotonic()
        self._running.pulses.beat("work", PATIENCE)
        if what == "took" and number:
            self._running.mail_waits.set()
        elif what == "ready":
            self._ready.set()
        elif what == "rests":
            self._rests = True
        elif what == "site":
            with self._news:
                self._in_force = number
                self._news.notify_all()

    async def _until_something(self) -> None:
        """Until mail was kept, the worker is gone or the node stops; a worker that is silent for too long is ended."""
        waits = self._running.work_waits
        while not waits.is_set() and not self._running.stopping.is_set():
            await within(waits.wait(), POLL)
            if time.monotonic() - self._heard_at > SILENCE and self._process is not None:
                log.error("the worker hangs and is replaced", silent_seconds=round(SILENCE))
                self._process.kill()
                self._heard_at = time.monotonic()

    async def _again(self) -> None:
        """Another worker in the place of one that ended; what that had in work is taken up again, and the attempt counts."""
        process, was_ready = self._process, self._ready.is_set()
        if process is not None:
            await asyncio.to_thread(process.join)
        log.error("the worker ended and is replaced", exit_code=process.exitcode if process else None)
        await asyncio.to_thread(self.close)
        self.restarts += 1
        backoff = Backoff(seconds=0.1 if was_ready else 5.0)
        await backoff.wait(self._running.stopping)
        await self._anew(backoff)

    async def _rest(self) -> None:
        """No mail came for long, and the worker has ended: another one in its place with the next mail, whoever keeps it."""
        running, process, backoff = self._running, self._process, Backoff()
        if process is not None:
            await asyncio.to_thread(process.join)
        await asyncio.to_thread(self.close)
        await asyncio.to_thread(isolation.give_back)
        while not running.stopping.is_set():
            running.pulses.beat("work", PATIENCE)
            running.work_waits.clear()
            try:
                if await asyncio.to_thread(self._waits):
                    await self._anew(backoff)
                    return
            except NotNow as fault:
                log.error("work waits for the store", reason=str(fault))
                await backoff.wait(running.stopping)
            else:
                await within(running.work_waits.wait(), POLL)

    def _waits(self) -> bool:
        with self._running.flow.store.read() as work:
            return work.intake_waits(self._running.clock())

    async def _anew(self, backoff: Backoff) -> None:
        """Start another worker, as often as that takes."""
        self._ready.clear()
        while not self._running.stopping.is_set():
            self._running.pulses.beat("work", PATIENCE)
            try:
                await asyncio.to_thread(self._release)
                await asyncio.to_thread(self._start, "spawn")
            except (NotNow, OSError) as fault:
                log.error("the worker cannot be started", reason=str(fault))
                await backoff.wait(self._running.stopping)
                continue
            await self.ready()
            return

    def _release(self) -> None:
        flow = self._running.flow
        with flow.store.work() as work:
            work.release_intake(flow.node)

    async def _drain(self) -> None:
        """It ends what it is at."""
        self._tell("stop")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN):
                await self._lost.wait()
