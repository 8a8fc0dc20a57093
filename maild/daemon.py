"""The composition root: listeners, the worker, the sender, the clock, signals, reload and an orderly end, in one event loop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from maild import __version__, config, host
from maild.clock import utc_now
from maild.delivery.send import Relay, Sender
from maild.errors import NotNow
from maild.flow import Flow
from maild.intake.gathering import Gathering
from maild.intake.listeners import Listeners
from maild.intake.settings import IntakeLimits, Listener
from maild.parsing import InWorker
from maild.reloading import Reloading
from maild.settling import Delivered, Outbound
from maild.site import Site
from maild.verify.verifying import AsSet, Verifying
from maild.webhooks import Webhooks
from store import Store
from store.rows import Node, OutboxRow

log = structlog.get_logger("maild.daemon")

POLL = 0.5
TICK = 60
HEARTBEAT = 5
GRACE = 20.0
BATCH = 4
GATHER = 0.05


@dataclass(slots=True)
class Backoff:
    """Growing waits between attempts of a loop whose store is away: 1 to 30 seconds."""

    seconds: float = 1.0

    async def wait(self, stopping: asyncio.Event) -> None:
        await _within(stopping.wait(), self.seconds)
        self.seconds = min(30.0, self.seconds * 2)

    def reset(self) -> None:
        self.seconds = 1.0


async def _within(waiting: Awaitable[object], seconds: float) -> None:
    """Wait for it, at most so long."""
    task = asyncio.ensure_future(waiting)
    await asyncio.wait((task,), timeout=seconds)
    if not task.done():
        task.cancel()


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
    files: Reloading = field(init=False)
    reading: InWorker = field(init=False)
    verifying: Verifying = field(init=False)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    work_waits: asyncio.Event = field(default_factory=asyncio.Event)
    mail_waits: asyncio.Event = field(default_factory=asyncio.Event)
    _started: datetime = field(init=False)
    _listeners: Listeners = field(init=False)
    _scheduler: AsyncIOScheduler = field(init=False)
    _ticking: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    _beating: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    _reloading: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.reading = InWorker()
        self.verifying = Verifying(self.reading, AsSet(lambda: self.site.settings.trust, self.clock))
        self.flow = Flow(self.site, self.store, self.clock, self.name, self.verifying)
        self._started = self.clock()

    async def run(self, ready: Callable[[tuple[str, ...]], None]) -> None:
        """Serve until `stop`. `ready` is called with the addresses when mail is taken. Raises Unreachable, ConfigError at the start."""
        await asyncio.to_thread(self._take_over)
        loops: list[asyncio.Task[None]] = []
        self._listeners = self._make_listeners()
        self.files = Reloading(self.path, self.flow, self.clock, self._listeners.reload_certificates)
        try:
            await self._listen()
            await asyncio.to_thread(self.reading.start)  # ready means: the next mail is acknowledged at once
            webhooks = Webhooks(self.flow, self.stopping)
            loops = [asyncio.create_task(loop) for loop in (self._work(), self._send(), webhooks.run())]
            self._start_clock()
            await asyncio.to_thread(self._heartbeat)
            ready(self.listening)
            stop = asyncio.create_task(self.stopping.wait())
            await asyncio.wait((stop, *loops), return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._end(loops)

    def stop(self) -> None:
        """Drain and stop: no new mail, what is in work is finished."""
        self.stopping.set()
        self.work_waits.set()
        self.mail_waits.set()

    async def reload(self, by: str = "SIGHUP") -> None:
        """Read rules, templates and certificates anew: all of it, or nothing and the ones in force stay."""
        host.notify("RELOADING=1")
        async with self._reloading:
            try:
                if await asyncio.to_thread(self.files.reload, by):
                    self.site = self.flow.site
                else:
                    self.mail_waits.set()
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
            Gathering(self.flow, self.work_waits),
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

    def _start_clock(self) -> None:
        # libraries: the default misfire grace of 1 s would drop a job that comes late
        defaults = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        self._scheduler = AsyncIOScheduler(job_defaults=defaults, timezone=UTC)
        self._scheduler.add_job(
            self._tick,
            IntervalTrigger(seconds=TICK, timezone=UTC),
            id="minute",
            next_run_time=datetime.now(UTC),
        )
        self._scheduler.add_job(self._beat, IntervalTrigger(seconds=HEARTBEAT, timezone=UTC), id="heartbeat")
        self._scheduler.start()

    async def _tick(self) -> None:
        """Pass on what is due, then wake again for the earliest that will be."""
        async with self._ticking:
            try:
                while not self.stopping.is_set() and await asyncio.to_thread(self.flow.tick) > 0:
                    self.mail_waits.set()
                due = await asyncio.to_thread(self._next_due)
            except NotNow as fault:
                log.error("clock waits for the store", reason=str(fault))
                return
        if due is not None and due < self.clock() + timedelta(seconds=TICK):
            self._scheduler.add_job(
                self._tick, DateTrigger(due, timezone=UTC), id="due", replace_existing=True
            )

    def _next_due(self) -> datetime | None:
        with self.store.read() as work:
            return work.next_due(self.clock())

    async def _beat(self) -> None:
        async with self._beating:
            try:
                await asyncio.to_thread(self._heartbeat)
            except NotNow as fault:
                log.error("store not reachable", reason=str(fault))
            if not self.stopping.is_set() and await asyncio.to_thread(self.files.watched):
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

    async def _work(self) -> None:
        """The worker: takes mail as long as there is some, else waits to be woken, and looks by itself twice a second."""
        backoff = Backoff()
        while not self.stopping.is_set():
            try:
                self.work_waits.clear()
                taken = await asyncio.to_thread(self.flow.work)
                backoff.reset()
            except NotNow as fault:
                log.error("work waits for the store", reason=str(fault))
                await backoff.wait(self.stopping)
                continue
            except Exception:  # the worker outlives every fault; a mail that causes one is put aside by flow
                log.exception("worker fault")
                await backoff.wait(self.stopping)
                continue
            if taken:
                self.mail_waits.set()
            else:
                await _within(self.work_waits.wait(), POLL)

    async def _send(self) -> None:
        """The sender: as many mails at once as the relay gets connections; each is settled as it ends."""
        relay = self.site.settings.relay
        sender = Sender(
            Relay(
                relay.address, relay.tls, relay.user, config.password(relay, os.environ), self.site.settings.desk.hostname,
                relay.connections,
            )
        )  # fmt: skip
        running: dict[asyncio.Task[Delivered], OutboxRow] = {}
        backoff = Backoff()
        try:
            while not self.stopping.is_set():
                try:
                    await self._send_some(sender, running, relay.connections)
                    backoff.reset()
                except NotNow as fault:
                    log.error("sender waits for the store", reason=str(fault))
                    await backoff.wait(self.stopping)
                except (
                    Exception
                ):  # the sender outlives every fault: claimed rows come back when their lease ends
                    log.exception("sender fault")
                    await backoff.wait(self.stopping)
            await self._finish_sending(running)
        finally:
            await sender.close()

    async def _send_some(
        self, sender: Sender, running: dict[asyncio.Task[Delivered], OutboxRow], most: int
    ) -> None:
        """Settle what has ended and claim as much again, then wait until half of it has ended (or a moment has passed)."""
        self.mail_waits.clear()
        done = [task for task in running if task.done()]
        room = BATCH * most - len(running) + len(done)
        results = [(running[task], task.result()) for task in done]
        claimed = await asyncio.to_thread(self.flow.outgoing, room, results)
        for task in done:
            del running[task]
        for mail in claimed:
            running[asyncio.create_task(_deliver(sender, mail))] = mail.row
        if not running:
            await _within(self.mail_waits.wait(), POLL)
            return
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED, timeout=POLL)
        if len(running) > most:
            await asyncio.wait(running, timeout=GATHER)

    async def _settle(self, running: dict[asyncio.Task[Delivered], OutboxRow]) -> None:
        done = [task for task in running if task.done()]
        if done:
            await asyncio.to_thread(self.flow.settle, [(running[task], task.result()) for task in done])
            for task in done:
                del running[task]

    async def _finish_sending(self, running: dict[asyncio.Task[Delivered], OutboxRow]) -> None:
        if running:
            await asyncio.wait(running, timeout=GRACE)
        await self._settle(running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        if running:  # outcome unknown: the same bytes go again after the next start
            await asyncio.to_thread(self.flow.give_back, list(running.values()))

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
        scheduler = getattr(self, "_scheduler", None)
        if scheduler is not None and scheduler.running:
            scheduler.pause()
            async with self._ticking, self._beating:
                scheduler.shutdown(wait=False)

    def _leave(self) -> None:
        with self.store.work() as work:
            work.forget_node(self.name)


async def _deliver(sender: Sender, mail: Outbound) -> Delivered:
    outcome = await sender.send(mail.row.raw, mail.sender, mail.row.recipient)
    return Delivered(outcome.kind, outcome.text, outcome.status)


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
