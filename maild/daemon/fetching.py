"""The loops that fetch: one for each mailbox, on one node at a time; and one that tells the admins of a mailbox that is not read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from maild.clock import moment
from maild.daemon.running import Running, within
from maild.errors import ConfigError, MaildError, NotNow
from maild.intake.imap import oauth
from maild.intake.imap.connection import LONGEST
from maild.intake.imap.reader import LeaseGone, Reader
from maild.intake.imap.wire import LoginRefused
from maild.settings import Imap
from store import Work
from store.rows import MailboxRow

log = structlog.get_logger("maild.imap")

GRACE: Final = 5.0
"""Seconds that a session gets to end when the node stops."""

SETTLE: Final = oauth.SECONDS + 5
"""Seconds in which a token server answers or is given up, and what it gave is kept."""

LEASE: Final = timedelta(seconds=15)
"""How long a node has a mailbox for itself unless it says again that it has."""

PATIENCE: Final = 120.0
LOOK: Final = 10.0
"""Seconds that a look at all mailboxes may take, and between two of them."""


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds between two attempts to connect: the `first` and the `longest`, each failure doubles them. A refused log-in waits longer, for
    many of them lock an account. `renew`: until a node says again that a mailbox is its own, or asks whether it is free."""

    first: float = 1.0
    longest: float = 60.0
    first_refused: float = 30.0
    longest_refused: float = 15 * 60.0
    renew: float = 5.0


@dataclass(frozen=True, slots=True)
class MailboxState:
    """How a mailbox is, as this node sees it.

    `state`: starting; reading or idle (this node reads it); elsewhere (another one does); failing. `last_success`: when it was last read to
    its end; `waiting`: mails that were seen and are not kept yet; `error`: what is wrong, and since `error_at`, None when nothing is.
    """

    name: str
    state: str
    last_success: datetime | None
    waiting: int
    error: str | None
    error_at: datetime | None


@dataclass(slots=True, repr=False, eq=False)
class _Loop:
    """One mailbox on this node."""

    reader: Reader
    waits: Waits
    wait: float
    refused: float
    state: str = "starting"
    last_success: datetime | None = None
    error: str | None = None
    error_at: datetime | None = None

    def well(self) -> None:
        """It was read to its end."""
        self.wait, self.refused = self.waits.first, self.waits.first_refused
        self.last_success = self.reader.flow.clock()
        self.error = self.reader.problem or None
        self.error_at = self.error_at or self.last_success if self.error else None

    def failed(self, reason: str) -> None:
        self.state = "failing"
        if reason != self.error:
            self.error, self.error_at = reason, self.reader.flow.clock()

    def took(self, row: MailboxRow | None) -> None:
        """What another node has written of it."""
        self.state = "elsewhere"
        if row is not None:
            self.last_success, self.error, self.error_at = row.read_at, row.error, row.error_at
            self.reader.waiting = row.waiting


@dataclass(slots=True, repr=False, eq=False)
class Fetching:
    """All mailboxes of the settings, on this node."""

    running: Running
    waits: Waits = Waits()
    _loops: dict[str, _Loop] = field(init=False, default_factory=dict)
    _started: datetime = field(init=False)

    def __post_init__(self) -> None:
        self._started = self.running.clock()
        entries = self.running.flow.site.settings.imap
        for imap in entries:
            others = [other for other in entries if other is not imap]
            self._loops[imap.name] = _Loop(
                self._reader(imap, others), self.waits, self.waits.first, self.waits.first_refused
            )

    def _reader(self, imap: Imap, others: Sequence[Imap]) -> Reader:
        running = self.running
        allowed = LONGEST + imap.poll.total_seconds() + 4 * imap.timeout.total_seconds() + PATIENCE
        return Reader(
            imap, others, running.flow, running.stopping, running.work_waits,
            still_ours=lambda work: self._lease(work, imap),
            may_take_over=self._may_take_over,
            beat=lambda: running.pulses.beat(imap.route, allowed),
            well=lambda: self._loops[imap.name].well(),
        )  # fmt: skip

    def mailboxes(self) -> list[MailboxState]:
        """How each is, in the order of the settings."""
        return [
            MailboxState(
                name,
                "idle" if loop.state == "reading" and loop.reader.idling else loop.state,
                loop.last_success,
                loop.reader.waiting,
                loop.error,
                loop.error_at,
            )
            for name, loop in self._loops.items()
        ]

    def document(self) -> list[dict[str, Any]]:
        """The same as JSON, for the heartbeat."""
        return [
            asdict(one) | {"last_success": moment(one.last_success), "error_at": moment(one.error_at)}
            for one in self.mailboxes()
        ]

    async def run(self) -> None:
        """Until the node stops; a connection that is open then is closed, a mail that is being kept is kept."""
        tasks = [asyncio.create_task(self._mailbox(loop)) for loop in self._loops.values()]
        try:
            while not self.running.stopping.is_set():
                self.running.pulses.beat("fetch", PATIENCE)
                try:
                    await self._tell_of_stale()
                except NotNow as fault:
                    log.error("mailboxes wait for the store", reason=str(fault))
                soonest = min((loop.reader.imap.stale_after for loop in self._loops.values()), default=LEASE)
                await within(self.running.stopping.wait(), min(LOOK, soonest.total_seconds() / 2))
        finally:
            for task in tasks if not self.running.stopping.is_set() else ():
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.running.pulses.ended("fetch")

    # -- one mailbox

    async def _mailbox(self, loop: _Loop) -> None:
        """Take the lease, read as long as this node has it, and try again when that ends."""
        imap, stopping = loop.reader.imap, self.running.stopping
        while not stopping.is_set():
            self._wait_is_fine(imap, 0)
            wait = self.waits.renew
            try:
                await loop.reader.credentials.settled()
                if await asyncio.to_thread(self._take, imap):
                    wait = await self._ours(loop)
                else:
                    loop.took(await asyncio.to_thread(self._row, imap))
            except NotNow as fault:
                loop.failed(f"the store is not reachable: {fault}")
                log.error("mailbox waits for the store", mailbox=imap.name, reason=str(fault))
            self._wait_is_fine(imap, wait)
            await within(stopping.wait(), wait)
        self.running.pulses.ended(imap.route)

    async def _ours(self, loop: _Loop) -> float:
        """Read while the lease is renewed; seconds to wait before the next attempt. The lease is given up, but after a refused log-in."""
        imap = loop.reader.imap
        loop.state = "reading"
        reading = asyncio.create_task(self._attempt(loop))
        renewing = asyncio.create_task(self._renew(imap))
        ending = asyncio.create_task(self._end())
        try:
            await asyncio.wait((reading, renewing, ending), return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                log.warning("mailbox is left", mailbox=imap.name, stopping=self.running.stopping.is_set())
                return self.waits.renew
            return reading.result()
        finally:
            for task in (reading, renewing, ending):
                task.cancel()
            await asyncio.gather(reading, renewing, ending, return_exceptions=True)
            if await self._settle(loop):
                await asyncio.to_thread(self._drop, imap)

    async def _settle(self, loop: _Loop) -> bool:
        """What a token server gives just now is kept before another node may ask it, so the lease is renewed meanwhile; False: not kept yet."""
        imap = loop.reader.imap
        renewing = asyncio.create_task(self._renew(imap))
        try:
            async with asyncio.timeout(SETTLE):
                await loop.reader.credentials.settled()
        except (NotNow, TimeoutError) as fault:
            reason = str(fault) or "the token server does not answer"
            log.warning("refresh token not kept yet", mailbox=imap.name, reason=reason)
            return False
        else:
            return True
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    async def _end(self) -> None:
        """Until we stop, and a mail that is being fetched then had a while to come."""
        await self.running.stopping.wait()
        await asyncio.sleep(GRACE)

    async def _attempt(self, loop: _Loop) -> float:
        """One session; seconds to wait before the next one."""
        try:
            await loop.reader.session()
        except LeaseGone:
            return self.waits.renew
        except (LoginRefused, ConfigError) as fault:
            await self._refused(loop, str(fault))
            return 0
        except NotNow:
            raise
        except MaildError as fault:
            await self._failed(loop, str(fault))
        except Exception as fault:  # a mailbox outlives every fault; the others are read all the same
            log.exception("mailbox fault", mailbox=loop.reader.imap.name)
            await self._failed(loop, f"a fault of maild: {type(fault).__name__}")
        wait = loop.wait
        loop.wait = min(self.waits.longest, wait * 2)
        return wait

    async def _failed(self, loop: _Loop, reason: str) -> None:
        loop.failed(reason)
        log.warning("mailbox is not read", mailbox=loop.reader.imap.name, reason=reason, again_in=loop.wait)
        await asyncio.to_thread(self._record, loop.reader.imap, reason)

    async def _refused(self, loop: _Loop, reason: str) -> None:
        """Tell the admins, and keep the mailbox to ourselves while we wait, so that other nodes do not try as well. Another secret ends that."""
        imap = loop.reader.imap
        await self._failed(loop, reason)
        row = await asyncio.to_thread(self._row, imap)
        since = row.read_at.isoformat() if row and row.read_at else "never"
        await asyncio.to_thread(
            self.running.flow.alert,
            f"{imap.route}:login:{since}",
            (
                f"The mailbox '{imap.name}' ({imap.user} at {imap.place}) cannot be logged in to: {reason}",
                "It is tried again after growing pauses, so that the account is not locked, and at once when its secret changes.",
                "No mail is fetched from it meanwhile; none is lost.",
            ),
        )
        self.running.mail_waits.set()
        before, ends = _secret(loop.reader), asyncio.get_running_loop().time() + loop.refused
        loop.refused = min(self.waits.longest_refused, loop.refused * 2)
        while not self.running.stopping.is_set() and asyncio.get_running_loop().time() < ends:
            self._wait_is_fine(imap, self.waits.renew)
            await within(self.running.stopping.wait(), self.waits.renew)
            if await asyncio.to_thread(_secret, loop.reader) != before:
                loop.refused = self.waits.first_refused
                return

    def _wait_is_fine(self, imap: Imap, seconds: float) -> None:
        self.running.pulses.beat(imap.route, seconds + PATIENCE)

    # -- the lease

    async def _renew(self, imap: Imap) -> None:
        """Until it cannot be renewed: somebody else has it, or may have soon because the store does not answer."""
        while True:
            await asyncio.sleep(self.waits.renew)
            try:
                if not await asyncio.to_thread(self._take, imap):
                    return
            except NotNow as fault:
                log.warning("lease not renewed", mailbox=imap.name, reason=str(fault))
                return

    def _take(self, imap: Imap) -> bool:
        with self.running.flow.store.work() as work:
            return self._lease(work, imap)

    def _lease(self, work: Work, imap: Imap) -> bool:
        now = self.running.desk_time()
        return work.take_lease(imap.route, self.running.flow.node, now, now + LEASE)

    def _may_take_over(self, work: Work, name: str) -> bool:
        """Whether no other node reads a mailbox by this name, one of ours or one that the settings do not hold any more."""
        before = Imap.model_construct(name=name)
        free = self._lease(work, before)
        if free and name not in self._loops:
            work.drop_lease(before.route, self.running.flow.node)
        return free

    def _drop(self, imap: Imap) -> None:
        try:
            with self.running.flow.store.work() as work:
                work.drop_lease(imap.route, self.running.flow.node)
        except NotNow as fault:
            log.warning("lease not given up", mailbox=imap.name, reason=str(fault))

    # -- what the admins are told

    def _row(self, imap: Imap) -> MailboxRow | None:
        with self.running.flow.store.read() as work:
            return work.mailbox(imap.name)

    def _record(self, imap: Imap, reason: str) -> None:
        with self.running.flow.store.work() as work:
            if self._lease(work, imap):  # else it is for another node to say how it is
                work.mailbox_failed(imap.name, reason, self.running.clock())

    async def _tell_of_stale(self) -> None:
        """Once when a mailbox has not been read for longer than it should, once when it is again. Time while nobody ran does not count."""
        now = self.running.clock()
        with_rows: Mapping[str, MailboxRow] = await asyncio.to_thread(self._rows)
        for name, loop in self._loops.items():
            row, imap = with_rows.get(name), loop.reader.imap
            last = max(row.read_at, self._started) if row and row.read_at else self._started
            told = row.told_at if row else None
            if row is not None and told is not None and row.read_at is not None and row.read_at > told:
                if await asyncio.to_thread(self._told, imap, None):
                    await self._say(
                        imap,
                        f"back:{told.isoformat()}",
                        f"The mailbox '{name}' is read again since {_shown(row.read_at)}.",
                    )
            elif told is None and now - last > imap.stale_after:
                read = f"since {_shown(row.read_at)}" if row and row.read_at else "so far"
                why = loop.error or (row.error if row else None) or "no reason is known"
                key = f"stale:{row.read_at.isoformat() if row and row.read_at else 'never'}"
                await self._say(
                    imap, key, f"The mailbox '{name}' ({imap.user} at {imap.place}) has not been read {read}: {why}",
                    "No mail is fetched from it meanwhile; none is lost. You are told when it is read again.",
                )  # fmt: skip
                await asyncio.to_thread(self._told, imap, now)

    async def _say(self, imap: Imap, key: str, *what: str) -> None:
        log.warning("admins told of mailbox", mailbox=imap.name, what=what[0])
        await asyncio.to_thread(self.running.flow.alert, f"{imap.route}:{key}", what)
        self.running.mail_waits.set()

    def _rows(self) -> dict[str, MailboxRow]:
        if not self._loops:
            return {}
        with self.running.flow.store.read() as work:
            return {row.name: row for row in work.mailboxes()}

    def _told(self, imap: Imap, at: datetime | None) -> bool:
        with self.running.flow.store.work() as work:
            return work.mailbox_told(imap.name, at)


def _secret(reader: Reader) -> str:
    """What changes with the secret; the fault when it cannot be read."""
    try:
        return reader.credentials.fingerprint()
    except ConfigError as fault:
        return str(fault)


def _shown(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
