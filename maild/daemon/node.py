"""One node of a desk: listeners, its loops, the clock, the heartbeat, reload and an orderly end, in one event loop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from maild import __version__, host
from maild.clock import utc_now
from maild.daemon.running import Pulses, Running
from maild.daemon.sending import Sending
from maild.daemon.ticking import Ticking
from maild.daemon.working import work
from maild.errors import NotNow
from maild.flow import Flow
from maild.intake.gathering import Gathering
from maild.intake.listeners import Listeners
from maild.intake.settings import IntakeLimits, Listener
from maild.parsing import InWorker
from maild.reloading import Reloading
from maild.site import Site
from maild.verify.verifying import AsSet, Verifying
from maild.webhooks import Webhooks
from store import Store
from store.rows import Node

log = structlog.get_logger("maild.daemon")

HEARTBEAT: Final = 5
GRACE: Final = 20.0
PATIENCE: Final = 120.0
"""Seconds that may pass between two heartbeats."""


@dataclass(slots=True)
class Daemon:
    """One node. `listening` holds the real addresses once it is ready."""

    path: Path
    site: Site
    store: Store
    clock: Callable[[], datetime] = utc_now
    name: str = field(default_factory=lambda: f"{os.uname().nodename}")
    listening: tuple[str, ...] = ()
    flow: Flow = field(init=False)
    running: Running = field(init=False)
    files: Reloading = field(init=False)
    reading: InWorker = field(init=False)
    verifying: Verifying = field(init=False)
    heartbeat_every: float = HEARTBEAT
    _started: datetime = field(init=False)
    _listeners: Listeners = field(init=False)
    _scheduler: AsyncIOScheduler = field(init=False)
    _ticking: Ticking = field(init=False)
    _beating: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    _reloading: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.reading = InWorker()
        self.verifying = Verifying(self.reading, AsSet(lambda: self.site.settings.trust, self.clock))
        self.flow = Flow(self.site, self.store, self.clock, self.name, self.verifying)
        self.running = Running(self.flow, self.clock)
        # libraries: the default misfire grace of 1 s would drop a job that comes late
        defaults = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        self._scheduler = AsyncIOScheduler(job_defaults=defaults, timezone=UTC)
        self._ticking = Ticking(self.running, self._scheduler)
        self._started = self.clock()

    @property
    def pulses(self) -> Pulses:
        """How each loop gets on."""
        return self.running.pulses

    async def run(self, ready: Callable[[tuple[str, ...]], None]) -> None:
        """Serve until `stop`. `ready` is called with the addresses when mail is taken. Raises Unreachable, ConfigError at the start."""
        await asyncio.to_thread(self._take_over)
        loops: list[asyncio.Task[None]] = []
        self._listeners = self._make_listeners()
        self.files = Reloading(self.path, self.flow, self.clock, self._listeners.reload_certificates)
        try:
            await self._listen()
            await asyncio.to_thread(self.reading.start)  # ready means: the next mail is acknowledged at once
            loops = self._start_loops()
            self._start_clock()
            await asyncio.to_thread(self._heartbeat)
            ready(self.listening)
            stop = asyncio.create_task(self.running.stopping.wait())
            await asyncio.wait((stop, *loops), return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._end(loops)

    def stop(self) -> None:
        """Drain and stop: no new mail, what is in work is finished."""
        self.running.stop()

    async def reload(self, by: str = "SIGHUP") -> None:
        """Read rules, templates and certificates anew: all of it, or nothing and the ones in force stay."""
        host.notify("RELOADING=1")
        async with self._reloading:
            try:
                if await asyncio.to_thread(self.files.reload, by):
                    self.site = self.flow.site
                else:
                    self.running.mail_waits.set()
                await asyncio.to_thread(self._heartbeat)
            except NotNow as fault:
                log.error("store not reachable", reason=str(fault))
        host.notify("READY=1")

    def _take_over(self) -> None:
        """What this node had in work when it ended is taken up again."""
        with self.store.work() as work:
            mails, sends = work.release_intake(self.name), work.release_outbox(self.name)
            posts = work.release_posts(self.name)
        if mails or sends or posts:
            log.warning("taken up again", mails=mails, outgoing=sends, posts=posts)
        self.flow.look_again()

    def _make_listeners(self) -> Listeners:
        settings, limits = self.site.settings, self.site.settings.limits
        bounds = IntakeLimits(
            message_size=limits.message_size,
            connections=limits.connections,
            connections_per_address=limits.connections_per_address,
            errors=limits.errors,
            idle_commands=limits.idle_commands,
            timeout=limits.timeout.total_seconds(),
            recipients=limits.recipients,
        )
        spool = settings.store.files / "spool"
        spool.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Listeners(
            Gathering(self.flow, self.running.work_waits),
            bounds,
            hostname=settings.desk.hostname,
            trusted_peers=settings.trust.peers,
            clock=self.clock,
            spool_dir=spool,
        )

    async def _listen(self) -> None:
        addresses = []
        for listen in self.site.settings.listen:
            address = await self._listeners.open(
                Listener(
                    listen.protocol,
                    listen.address,
                    listen.tls,
                    listen.certificate,
                    listen.key,
                    listen.require_tls,
                )
            )
            addresses.append(f"{listen.protocol} {address}")
        self.listening = tuple(addresses)

    def _start_loops(self) -> list[asyncio.Task[None]]:
        webhooks = Webhooks(self.flow, self.running.stopping)
        loops = (work(self.running), Sending(self.running).run(), webhooks.run())
        return [asyncio.create_task(loop) for loop in loops]

    def _start_clock(self) -> None:
        self._ticking.start()
        every = IntervalTrigger(seconds=self.heartbeat_every, timezone=UTC)
        self._scheduler.add_job(self._beat, every, id="heartbeat")
        self._scheduler.start()

    async def _beat(self) -> None:
        async with self._beating:
            self.pulses.beat("heartbeat", PATIENCE)
            try:
                await asyncio.to_thread(self._heartbeat)
            except NotNow as fault:
                log.error("store not reachable", reason=str(fault))
            if not self.running.stopping.is_set() and await asyncio.to_thread(self.files.watched):
                await self.reload("watch")

    def _heartbeat(self) -> None:
        listeners = {address: vars_of(counters) for address, counters in self._listeners.counters.items()}
        node = Node(
            self.name,
            os.getpid(),
            __version__,
            self._started,
            self.clock(),
            {"listening": list(self.listening), "listeners": listeners, "rules": self.files.document()},
        )
        with self.store.work() as work:
            work.heartbeat(node)

    async def _end(self, loops: list[asyncio.Task[None]]) -> None:
        host.notify("STOPPING=1")
        self.stop()
        await self._listeners.close(GRACE)
        results = await asyncio.gather(*loops, return_exceptions=True)
        await self._stop_clock()
        self.verifying.close()
        self.reading.close()
        try:
            await asyncio.to_thread(self._leave)
        except NotNow as fault:
            log.error("store not reachable", reason=str(fault))
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _stop_clock(self) -> None:
        """No job begins any more, and those at work end by themselves: APScheduler would cancel them half way."""
        if self._scheduler.running:
            self._scheduler.pause()
            async with self._ticking.at_work, self._beating:
                self._scheduler.shutdown(wait=False)

    def _leave(self) -> None:
        with self.store.work() as work:
            work.forget_node(self.name)


def vars_of(counters: object) -> dict[str, int]:
    """The numbers of a counter object, for the heartbeat."""
    return {name: getattr(counters, name) for name in ("connections", "accepted", "refused", "deferred")}


async def serve(path: Path, loaded: Site, store: Store) -> None:
    """`maild run`: with signals, a line on stderr and a word to the service manager when ready."""
    daemon = Daemon(path, loaded, store)
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = asyncio.create_task(daemon.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.stop)
    loop.add_signal_handler(signal.SIGHUP, reload)
    await daemon.run(ready)


def ready(listening: tuple[str, ...]) -> None:
    """Say that mail is taken, and where."""
    where = ", ".join(listening) or "nothing"
    sys.stderr.write(f"maild is ready: {where}\n")
    sys.stderr.flush()
    host.notify(f"READY=1\nSTATUS=listening: {where}")
