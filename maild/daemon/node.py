"""One node of a desk: listeners, its loops, the clock, the heartbeat, reload and an orderly end, in one event loop."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from maild import host
from maild.clock import utc_now
from maild.daemon.fetching import Fetching
from maild.daemon.member import Member
from maild.daemon.running import Pulses, Running, within
from maild.daemon.sending import Sending
from maild.daemon.ticking import Ticking
from maild.daemon.waking import hear
from maild.daemon.watching import Watching
from maild.daemon.working import InThread, OwnProcess, Working
from maild.errors import NotNow
from maild.flow import Flow
from maild.intake import sockets
from maild.intake.gathering import Gathering
from maild.intake.listeners import Listeners
from maild.intake.settings import IntakeLimits, Listener
from maild.lock import AlreadyRunning
from maild.reloading import Reloading
from maild.site import Site
from maild.webhooks import Webhooks
from store import Store

if TYPE_CHECKING:
    from maild.daemon.exposing import Exposing

log = structlog.get_logger("maild.daemon")

HEARTBEAT: Final = 5
GRACE: Final = 20.0
THREADS: Final = 32
SWITCH: Final = 0.0005
"""Seconds that a thread may keep the interpreter while another one wants it, who may hold the database."""
PATIENCE: Final = 120.0
"""Seconds that may pass between two heartbeats."""


@dataclass(slots=True)
class Daemon:
    """One node. `listening` holds the real addresses once it is ready; `passed`: sockets of the service manager.

    `apart`: mail is worked on in a process of its own.
    """

    path: Path
    site: Site
    store: Store
    clock: Callable[[], datetime] = utc_now
    name: str = field(default_factory=lambda: f"{os.uname().nodename}")
    listening: tuple[str, ...] = ()
    flow: Flow = field(init=False)
    running: Running = field(init=False)
    fetching: Fetching = field(init=False)
    files: Reloading = field(init=False)
    working: Working = field(init=False)
    heartbeat_every: float = HEARTBEAT
    apart: bool = False
    passed: Sequence[host.Passed] = ()
    _member: Member = field(init=False)
    _lost: AlreadyRunning | None = None
    _exposing: Exposing | None = None
    _listeners: Listeners = field(init=False)
    _sending: Sending = field(init=False)
    _scheduler: AsyncIOScheduler = field(init=False)
    _ticking: Ticking = field(init=False)
    _beating: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    _looking: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    _reloading: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.flow = Flow(self.site, self.store, self.clock, self.name)
        self.running = Running(self.flow, self.clock)
        self.fetching = Fetching(self.running)
        self._sending = Sending(self.running)
        self.working = OwnProcess(self.running) if self.apart else InThread(self.running)
        # libraries: the default misfire grace of 1 s would drop a job that comes late
        defaults = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        self._scheduler = AsyncIOScheduler(job_defaults=defaults, timezone=UTC)
        self._ticking = Ticking(self.running, self._scheduler)
        self._member = Member(self.running, only=self.store.bells() is None, started_at=self.clock())

    @property
    def pulses(self) -> Pulses:
        """How each loop gets on."""
        return self.running.pulses

    async def run(self, ready: Callable[[tuple[str, ...]], None]) -> None:
        """Serve until `stop`. `ready` is called with the addresses when mail is taken. Raises Unreachable, ConfigError at the start."""
        self.working.start()
        try:
            await asyncio.to_thread(self._join)
        except BaseException:
            self.working.close()
            raise
        loops: list[asyncio.Task[None]] = []
        self._listeners = self._make_listeners()
        self.files = Reloading(
            self.path, self.flow, self.clock, self._listeners.reload_certificates, self.working.hand
        )
        watching = asyncio.create_task(Watching(self.running).run())
        started = asyncio.Event()
        staying = asyncio.create_task(self._stay(started))
        try:
            await self._listen()
            await self._expose()
            await self.working.ready()  # ready means: the next mail is acknowledged at once
            loops = self._start_loops()
            started.set()
            await staying
            self._start_clock()
            await asyncio.to_thread(self._heartbeat)
            ready(self.listening)
            stop = asyncio.create_task(self.running.stopping.wait())
            await asyncio.wait((stop, *loops), return_when=asyncio.FIRST_COMPLETED)
        finally:
            started.set()
            try:
                await asyncio.wait((staying,))
                await self._end(loops)
            finally:
                watching.cancel()
                await asyncio.wait((watching,))

    def stop(self) -> None:
        """Drain and stop: no new mail, what is in work is finished."""
        self.running.stop()

    async def reload(self, by: str = "SIGHUP") -> None:
        """Read rules, templates and certificates anew: all of it, or nothing and the ones in force stay."""
        host.notify_reloading()
        status = "STATUS=the files could not be read anew: the store is not reachable"
        async with self._reloading:
            try:
                if await asyncio.to_thread(self.files.reload, by):
                    self.site = self.flow.site
                else:
                    self.running.mail_waits.set()
                status = self._status()
            except NotNow as fault:
                log.error("store not reachable", reason=str(fault))
        if not self.running.stopping.is_set():
            await self._beat()
        host.notify(f"READY=1\n{status}")

    def _status(self) -> str:
        """What `systemctl status` shows."""
        if self.files.refused:
            return f"STATUS=new files refused, those in force stay: {self.files.refused[0]}"
        return f"STATUS=listening: {', '.join(self.listening) or 'nothing'}"

    def _join(self) -> None:
        self._member.join()
        self.flow.look_again()

    async def _stay(self, started: asyncio.Event) -> None:
        """Say that this node lives while it starts, however long that takes."""
        while not started.is_set():
            await within(started.wait(), self.heartbeat_every)
            if not started.is_set():
                try:
                    await asyncio.to_thread(self._member.beat, {})
                except NotNow as fault:
                    log.error("store not reachable", reason=str(fault))

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
        spool = settings.store.spool_folder
        if spool is not None:
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
        entries = self.site.settings.listen
        shares = sockets.shared_out([listen.address for listen in entries], self.passed)
        for listen, share in zip(entries, shares, strict=True):
            listener = Listener(
                listen.protocol,
                listen.address,
                listen.tls,
                listen.certificate,
                listen.key,
                listen.require_tls,
            )
            for sock in share or (None,):
                addresses.append(f"{listen.protocol} {await self._listeners.open(listener, sock)}")
        self.listening = tuple(addresses)

    def _start_loops(self) -> list[asyncio.Task[None]]:
        webhooks = Webhooks(
            self.flow,
            self.running.stopping,
            beat=lambda: self.pulses.beat("webhooks", PATIENCE),
            fenced=lambda: self.running.fenced,
        )
        loops = [self.working.run(), self._sending.run(), webhooks.run(), self.fetching.run()]
        bells = self.store.bells()
        if bells is not None:
            loops.append(hear(self.running, bells, self._beat))
        return [asyncio.create_task(loop) for loop in loops]

    def _start_clock(self) -> None:
        self._ticking.start()
        every = IntervalTrigger(seconds=self.heartbeat_every, timezone=UTC)
        self._scheduler.add_job(self._beat, every, id="heartbeat")
        self._scheduler.add_job(self._look_at_files, every, id="files")
        self._scheduler.start()

    async def _beat(self) -> None:
        async with self._beating:
            self.pulses.beat("heartbeat", PATIENCE)
            try:
                took_over = await asyncio.to_thread(self._heartbeat)
            except NotNow as fault:
                log.error("store not reachable", reason=str(fault))
            except AlreadyRunning as fault:
                log.critical("this node ends", reason=str(fault))
                self._lost = fault
                self.stop()
            else:
                if took_over:
                    self.running.work_waits.set()
                    self.running.mail_waits.set()
                    self._ticking.now()

    async def _look_at_files(self) -> None:
        """Beside the heartbeat: a worker takes new files when it has ended a round of mails, which may last."""
        async with self._looking:
            if self.running.stopping.is_set():
                return
            if await asyncio.to_thread(self.files.watched):
                await self.reload("watch")
            try:
                await asyncio.to_thread(self.files.follow)
            except NotNow as fault:
                log.error("store not reachable", reason=str(fault))

    def _heartbeat(self) -> bool:
        """Whether something was taken over from another node."""
        return self._member.beat(self.detail())

    def detail(self) -> dict[str, object]:
        """How this node is, for `maild status` and for metrics."""
        listeners = {address: vars_of(counters) for address, counters in self._listeners.counters.items()}
        return {
            "listening": list(self.listening),
            "listeners": listeners,
            "mailboxes": self.fetching.document(),
            "rules": self.files.document(),
            "relays": self._sending.relays(),
            "worker_restarts": self.working.restarts,
            "loops": {loop: round(age, 1) for loop, age in self.pulses.ages().items()},
            "stalled": self.pulses.stalled(),
            "metrics": self._exposing.address if self._exposing else None,
        }

    async def _expose(self) -> None:
        """Open the door for Prometheus, if there is to be one."""
        address = self.site.settings.metrics.address
        if address is not None:
            from maild.daemon.exposing import Exposing  # Prometheus' library, for those who have it
            from maild.metrics import Metrics

            metrics = Metrics(self.store, self.clock, self.detail, self.flow.deliveries)
            self._exposing = Exposing(address, metrics.text)
            await self._exposing.open()

    async def _end(self, loops: list[asyncio.Task[None]]) -> None:
        host.notify("STOPPING=1")
        self.stop()
        await self._listeners.close(GRACE)
        if self._exposing is not None:
            await self._exposing.close()
        results = await asyncio.gather(*loops, return_exceptions=True)
        await self._stop_clock()
        await asyncio.to_thread(self.working.close)
        try:
            await asyncio.to_thread(self._member.leave)
        except NotNow as fault:
            log.error("store not reachable", reason=str(fault))
        for result in (*results, self._lost):
            if isinstance(result, BaseException):
                raise result

    async def _stop_clock(self) -> None:
        """No job begins any more, and those at work end by themselves: APScheduler would cancel them half way."""
        if self._scheduler.running:
            self._scheduler.pause()
            async with self._ticking.at_work, self._ticking.tidying, self._looking, self._beating:
                self._scheduler.shutdown(wait=False)


def vars_of(counters: object) -> dict[str, int]:
    """The numbers of a counter object, for the heartbeat."""
    return {name: getattr(counters, name) for name in ("connections", "accepted", "refused", "deferred")}


async def serve(path: Path, loaded: Site, store: Store, name: str) -> None:
    """`maild run` under this name: with signals, a line on stderr and a word to the service manager when ready."""
    faulthandler.enable()  # where each thread stands, in the journal, when the watchdog ends us (SIGABRT)
    sys.setswitchinterval(SWITCH)
    daemon = Daemon(path, loaded, store, name=name, apart=True, passed=host.passed_sockets())
    loop = asyncio.get_running_loop()
    # name look-ups that hang take a thread each for half a minute, and nobody's 250 or heartbeat is to wait for them
    loop.set_default_executor(ThreadPoolExecutor(THREADS, "maild"))
    reloads: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = asyncio.create_task(daemon.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.stop)
    loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        await daemon.run(ready)
    finally:
        daemon.working.close()  # else the end of this process would wait for that one


def ready(listening: tuple[str, ...]) -> None:
    """Say that mail is taken, and where."""
    where = ", ".join(listening) or "nothing"
    sys.stderr.write(f"maild is ready: {where}\n")
    sys.stderr.flush()
    host.notify(f"READY=1\nSTATUS=listening: {where}")
